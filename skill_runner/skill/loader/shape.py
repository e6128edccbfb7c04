"""skill.yaml against its JSON Schema: keys, types and forms, each difference as a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from skill_runner.skill.loader.source import KINDS, Source, step_kind
from skill_runner.skill.schema import Fault, faults


@cache
def skill_schema() -> Mapping[str, Any]:
    """The JSON Schema (2020-12) of skill.yaml, published as docs/reference/skill.schema.json."""
    text = (
        files("skill_runner.skill.loader").joinpath("skill.schema.json").read_text(encoding="utf-8")
    )
    schema: dict[str, Any] = json.loads(text)
    return schema


def check_shape(source: Source) -> None:
    """Report every difference between skill.yaml and the schema."""
    confused = {path for path, step in source.items("steps") if step_kind(step) is None}
    for path in sorted(confused):
        step = source.data["steps"][path[1]]
        present = [kind for kind in KINDS if kind in step]
        has = "it has " + " and ".join(present) if present else f"it has {', '.join(step) or '…'}"
        source.report(path, f"a step is exactly one of {', '.join(KINDS)}; {has}")
    for fault in faults(source.document.data, skill_schema()):
        if fault.path[:2] not in confused:
            source.report(fault.path, _placed(fault))


def _placed(fault: Fault) -> str:
    """The message with the place it is about, where the line alone would not say it."""
    path = fault.path[:-1] if fault.rule.endswith("Properties") else fault.path
    place = ""
    for part in path:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    return f"{place}: {fault.message}" if place else fault.message
