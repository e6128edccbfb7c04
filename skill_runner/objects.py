"""Reading fields of objects whose status may lack anything: every reader has an answer for none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skill_runner.quoting import excerpt, named
from skill_runner.status.verdict import Object


def at(obj: Any, path: str, default: Any = None) -> Any:
    """The value at a dotted path of mappings, or `default` where it is absent or null."""
    for key in path.split("."):
        if not isinstance(obj, Mapping):
            return default
        obj = obj.get(key)
    return default if obj is None else obj


def count(obj: Any, path: str, default: int = 0) -> int:
    """A count in a status: controllers leave zeros out. A count as text is read as a number."""
    number = as_int(at(obj, path))
    return default if number is None else number


def as_int(value: Any) -> int | None:
    """An integer from a number or its text (Argo Rollouts writes generations as text), or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isdigit():
        return int(value)
    return None


def generation(obj: Object) -> int:
    """metadata.generation; 0 for kinds that have none."""
    return count(obj, "metadata.generation")


def observed_generation(obj: Object) -> int | None:
    """status.observedGeneration as a number, or None where it is absent or no number."""
    return as_int(at(obj, "status.observedGeneration"))


def conditions(obj: Object) -> tuple[Mapping[str, Any], ...]:
    """status.conditions, without entries that are no conditions."""
    found = at(obj, "status.conditions", ())
    if not isinstance(found, list):
        return ()
    return tuple(c for c in found if isinstance(c, Mapping) and "type" in c)


def condition(obj: Object, kind: str) -> Mapping[str, Any] | None:
    """The condition of that type, or None."""
    return next((c for c in conditions(obj) if c["type"] == kind), None)


def is_true(cond: Mapping[str, Any] | None) -> bool:
    return cond is not None and str(cond.get("status")).lower() == "true"


def is_false(cond: Mapping[str, Any] | None) -> bool:
    return cond is not None and str(cond.get("status")).lower() == "false"


def says(cond: Mapping[str, Any]) -> str:
    """Quote what a condition says, as `Reason: “message”`; whichever of the two is there."""
    parts = [named(cond["reason"])] if cond.get("reason") else []
    parts += [excerpt(cond["message"], 240)] if cond.get("message") else []
    return ": ".join(parts) or f"{cond['type']} is {cond.get('status')}"
