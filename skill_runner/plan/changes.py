"""Tell whether an existing installation lets its inputs change: free, grow, or refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skill_runner.errors import Refused
from skill_runner.quantity import parse_quantity
from skill_runner.skill.model import Input, Skill
from skill_runner.skill.schema import shown


def check_changes(skill: Skill, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refused when an input changes that must not, or one that may only grow shrinks.

    Inputs that were not recorded (secrets, inputs of a newer version) may have any value.
    """
    problems = [
        problem
        for each in skill.inputs.values()
        if each.name in old and each.name in new and old[each.name] != new[each.name]
        if (problem := _refusal(each, old[each.name], new[each.name]))
    ]
    if problems:
        raise Refused(
            f"{skill.name} is installed, and these inputs cannot change so",
            listed=problems,
            hint="Leave them as they are, or make a second installation under another name "
            "(--name) with the new values; `skill remove` takes the old one away.",
        )


def _refusal(each: Input, old: Any, new: Any) -> str | None:
    change = f"{each.name}: {shown(old)} → {shown(new)}"
    if each.change == "refuse":
        return f"{change} (fixed when it was installed)"
    if each.change == "grow" and not grows(old, new):
        return f"{change} (it may only grow)"
    return None


def grows(old: Any, new: Any) -> bool:
    """Tell whether `new` holds all of `old`: items, keys, or an amount that is not smaller."""
    if isinstance(old, list) and isinstance(new, list):
        return all(item in new for item in old)
    if isinstance(old, dict) and isinstance(new, dict):
        return all(key in new and grows(old[key], new[key]) for key in old)
    below, above = _number(old), _number(new)
    if below is None or above is None:
        return bool(old == new)
    return above >= below


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return parse_quantity(str(value))
    except ValueError:
        return None
