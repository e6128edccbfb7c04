"""The safe default for custom resources that no rule names: never ready by an empty status.

A kind whose CRD has no status at all is ready by existing; of every other kind a condition or a
phase must say so, at this generation. When nothing in the status says so, the message asks for a
`wait:` rule instead of guessing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skill_runner.objects import (
    Object,
    as_int,
    at,
    condition,
    conditions,
    generation,
    is_false,
    is_true,
    observed_generation,
    says,
)
from skill_runner.readiness.status.freshness import check_observed
from skill_runner.readiness.status.rules import is_unproven, named_condition
from skill_runner.readiness.status.verdict import Verdict, failed, progressing, ready, unobserved
from skill_runner.text.quoting import excerpt, named

# Positive conditions by habit of the field, the most telling first.
POSITIVE: Final = (
    "Ready",
    "Available",
    "Programmed",
    "Established",
    "Healthy",
    "Accepted",
    "Succeeded",
    "Complete",
    "Synced",
)
NEGATIVE: Final = ("Failed", "Stalled", "Degraded", "NotReady")
GOOD_PHASES: Final = frozenset(
    {
        "ready",
        "running",
        "active",
        "available",
        "healthy",
        "succeeded",
        "bound",
        "complete",
        "completed",
        "online",
    }
)
BAD_PHASES: Final = frozenset({"failed", "error", "errored", "unhealthy", "degraded", "lost"})


def custom_resource(obj: Object, kind_has_status: bool | None = None) -> Verdict:
    """`kind_has_status`: whether its CRD declares a status; None where that is not known."""
    if not at(obj, "status"):
        if kind_has_status is False:
            return ready("exists (its kind has no status)")
        return unobserved("its status is empty: no controller has looked at it yet")
    if observed_generation(obj) is not None and (stale := check_observed(obj)):
        return stale
    return _by_conditions(obj) or _by_phase(obj) or _unreadable(obj)


def _by_conditions(obj: Object) -> Verdict | None:
    for name in NEGATIVE:
        bad = condition(obj, name)
        if bad and is_true(bad) and _fresh(obj, bad):
            return failed(f"{name} ({says(bad)})", reason=bad.get("reason", ""))
    reconciling = condition(obj, "Reconciling")
    if reconciling and is_true(reconciling):
        return progressing(f"is being reconciled ({says(reconciling)})")
    for name in POSITIVE:
        found = condition(obj, name)
        if found is None:
            continue
        if is_false(found) and _fresh(obj, found) and name != "Succeeded":
            return failed(f"{name} is False ({says(found)})", reason=found.get("reason", ""))
        return named_condition(obj, name)
    return None


def _fresh(obj: Object, found: Mapping[str, Any]) -> bool:
    seen = as_int(found.get("observedGeneration"))
    return seen is None or seen >= generation(obj)


def _by_phase(obj: Object) -> Verdict | None:
    phase = at(obj, "status.phase", at(obj, "status.state"))
    if not isinstance(phase, str) or not phase:
        return None
    if phase.lower() in BAD_PHASES:
        why = at(obj, "status.message", at(obj, "status.reason", ""))
        tail = f" ({excerpt(why)})" if why else ""
        return failed(f"phase is {named(phase)}{tail}", reason=phase)
    if phase.lower() in GOOD_PHASES:
        unproven = {"unproven": True} if is_unproven(obj, None) else {}
        return ready(f"phase is {phase}", **unproven)
    return progressing(f"phase is {named(phase)}")


def _unreadable(obj: Object) -> Verdict:
    have = ", ".join(str(c["type"]) for c in conditions(obj)) or ", ".join(at(obj, "status", {}))
    return progressing(
        f"nothing in its status says ready (it has {have}): name a condition or a field in `wait:`",
        needs_rule=True,
    )
