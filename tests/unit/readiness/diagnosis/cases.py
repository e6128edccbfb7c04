"""Cases that are data: data/NAME.yaml beside this file, a list of mappings with a `name` each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).parent / "data"


class Case(dict[str, Any]):
    """One case; its name is the test's."""

    def __str__(self) -> str:
        return str(self["name"])


def cases(name: str) -> list[Case]:
    return [Case(entry) for entry in yaml.safe_load((DATA / f"{name}.yaml").read_text())]
