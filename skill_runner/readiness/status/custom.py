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
from skill_runner.readiness.status.verdict import (
    Verdict,
    failed,
    progressing,
    ready,
    refused,
    unobserved,
)
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
FAILED: Final = ("Failed", "Stalled")  # by habit of the field: no more is tried
NEGATIVE: Final = ("Degraded", "NotReady")  # not as it should be, and somebody is at it
# Reasons of a positive condition that is False by which a controller gives up: cert-manager's
# (pkg/apis/certmanager/v1), Gateway API's, Strimzi's. Any other may be what it says while it still
# makes the thing: Issuing, Creating, Pending, DependencyNotReady, AddressNotAssigned.
FINAL: Final = frozenset(
    {
        "denied",
        "failed",
        "invalid",
        "invalidconfiguration",
        "invalidparameters",
        "invalidrequest",
        "invalidresourceexception",
        "invalidspec",
        "notsupported",
        "rejected",
        "unsupported",
        "unsupportedvalue",
    }
)
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
BAD_PHASES: Final = frozenset({"failed", "error", "errored", "lost"})
POOR_PHASES: Final = frozenset({"unhealthy", "degraded"})
AT_WORK: Final = frozenset({"running", "active"})
# Ends of the kinds whose objects are pieces of work: one that runs is not done.
_WORK: Final = (
    *("Job", "Run", "Task", "Workflow", "Backup", "Restore", "Build", "Migration", "Operation"),
    *("Test", "Scan", "Experiment", "Import", "Export", "Upload", "Snapshot", "Execution"),
)


def custom_resource(obj: Object, kind_has_status: bool | None = None) -> Verdict:
    """`kind_has_status`: whether its CRD declares a status; None where that is not known."""
    if not at(obj, "status"):
        if kind_has_status is False:
            return ready("exists (its kind has no status)")
        return unobserved("its status is empty: no controller has reported on it yet")
    if observed_generation(obj) is not None and (stale := check_observed(obj)):
        return stale
    return _by_conditions(obj) or _by_phase(obj) or _unreadable(obj)


def _by_conditions(obj: Object) -> Verdict | None:
    for name in FAILED:
        bad = condition(obj, name)
        if bad and is_true(bad) and _fresh(obj, bad):
            return failed(f"{name} ({says(bad)})", reason=bad.get("reason", ""))
    reconciling = condition(obj, "Reconciling")
    if reconciling and is_true(reconciling):
        return progressing(f"is being reconciled ({says(reconciling)})")
    for name in NEGATIVE:
        bad = condition(obj, name)
        if bad and is_true(bad) and _fresh(obj, bad):
            return refused(f"{name} ({says(bad)})", bad.get("reason", ""))
    for name in POSITIVE:
        found = condition(obj, name)
        if found is None:
            continue
        if is_false(found) and _fresh(obj, found) and name != "Succeeded":
            reason, message = str(found.get("reason", "")), f"{name} is False ({says(found)})"
            is_final = reason.lower() in FINAL
            return failed(message, reason=reason) if is_final else refused(message, reason)
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
    if phase.lower() in POOR_PHASES:
        return refused(f"phase is {named(phase)}", phase)
    if phase.lower() in AT_WORK and str(obj.get("kind")).endswith(_WORK):
        return progressing(f"phase is {phase}; a {obj.get('kind')} is ready when it has ended")
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
