"""The JSON Schemas of the events, written from their models: `python -m service.schemas`.

The registry keeps them by topic and refuses one that breaks who reads the events; the skill asks it
before the pods change, where the input `events` names the files.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from service.progress import Completed

EVENTS: dict[str, type[BaseModel]] = {"lessons.completed": Completed}
FOLDER = Path(__file__).parent.parent / "events"


def schema_of(model: type[BaseModel]) -> str:
    return json.dumps(model.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, model in EVENTS.items():
        (FOLDER / f"{name}.json").write_text(schema_of(model))
