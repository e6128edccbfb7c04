"""Apply a skill's own `wait:` rule to one object: a condition, a field, or left out."""

from __future__ import annotations

from typing import Any

from skill_runner.objects import (
    Object,
    as_int,
    at,
    condition,
    generation,
    is_true,
    observed_generation,
    says,
)
from skill_runner.readiness.status.freshness import check_observed
from skill_runner.readiness.status.jsonpath import find_value
from skill_runner.readiness.status.verdict import Verdict, progressing, ready, unobserved
from skill_runner.skill.model import WaitRule
from skill_runner.text.quoting import excerpt, named


def by_rule(obj: Object, rule: WaitRule) -> Verdict:
    """The verdict of a rule; freshness first, where the object's status carries a generation."""
    if rule.skip is not None:
        return ready(f"not awaited: {rule.skip}", note=f"not awaited: {rule.skip}", skipped=True)
    if observed_generation(obj) is not None and (stale := check_observed(obj)):
        return stale
    if rule.condition is not None:
        return named_condition(obj, rule.condition)
    if rule.jsonpath is not None:
        return _field(obj, rule.jsonpath, rule.value)
    return ready("exists")


def named_condition(obj: Object, name: str) -> Verdict:
    """Ready when the condition is True, and belongs to this generation where it says so."""
    found = condition(obj, name)
    if found is None:
        if not at(obj, "status"):
            return unobserved(f"its status is empty, condition {name} is awaited")
        have = "" if at(obj, "status.conditions") else ", its status has no conditions yet"
        return progressing(f"condition {name} is not there yet{have}")
    seen = as_int(found.get("observedGeneration"))
    if seen is not None and seen < generation(obj):
        return unobserved(
            f"condition {name} is of generation {seen}, the object is at {generation(obj)}"
        )
    if not is_true(found):
        return progressing(
            f"{name} is {found.get('status')} ({says(found)})",
            condition=name,
            reason=found.get("reason", ""),
        )
    facts: dict[str, Any] = {"unproven": True} if is_unproven(obj, seen) else {}
    return ready(f"{name} is True", **facts)


def is_unproven(obj: Object, condition_generation: int | None) -> bool:
    """Tell whether an edited object's status carries no generation: an old answer looks like a
    new."""
    return generation(obj) > 1 and observed_generation(obj) is None and condition_generation is None


def _field(obj: Object, path: str, wanted: Any) -> Verdict:
    value = find_value(obj, path)
    if value is None:
        return progressing(f"{path} is not there yet")
    if wanted is None:
        return ready(f"{path} is {_short(value)}")
    if value == wanted or str(value).lower() == str(wanted).lower():
        facts: dict[str, Any] = {"unproven": True} if is_unproven(obj, None) else {}
        return ready(f"{path} is {_short(value)}", **facts)
    return progressing(f"{path} is {_short(value)}, {_short(wanted)} is awaited")


def _short(value: Any) -> str:
    return named(value) if len(str(value)) <= 80 else excerpt(value, 80)
