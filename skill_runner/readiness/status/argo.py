"""Argo CD Application: synced, healthy, and of the revision that was asked for.

It has neither a Ready condition nor an observedGeneration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skill_runner.objects import Object, at, conditions, says
from skill_runner.readiness.status.verdict import Verdict, failed, progressing, ready, unobserved
from skill_runner.text.quoting import excerpt, named

_FULL_REVISION: Final = 40  # a Git commit in full; names of branches and tags cannot be compared


def application(obj: Object) -> Verdict:
    operation = at(obj, "status.operationState.phase", "")
    if operation in ("Failed", "Error"):
        why = at(obj, "status.operationState.message", "")
        return failed(f"the sync {operation.lower()} ({excerpt(why)})", reason=f"Sync{operation}")
    errors = [c for c in conditions(obj) if str(c["type"]).endswith("Error")]
    if errors:
        return failed(f"{errors[0]['type']} ({says(errors[0])})", reason=str(errors[0]["type"]))
    health, sync = at(obj, "status.health.status", ""), at(obj, "status.sync.status", "")
    if not health or not sync:
        return unobserved("its controller has not reported on it yet")
    if health == "Degraded":
        why = at(obj, "status.health.message", "")
        return failed("is Degraded" + (f" ({excerpt(why)})" if why else ""), reason="Degraded")
    if sync != "Synced" or health != "Healthy":
        return progressing(f"is {named(sync)} and {named(health)}")
    if operation not in ("", "Succeeded"):
        return progressing(f"its sync is {named(operation)}")
    return _of_revision(obj)


def _of_revision(obj: Object) -> Verdict:
    asked = at(obj, "spec.source.targetRevision", "")
    have = at(obj, "status.sync.revision", "")
    if len(asked) == _FULL_REVISION and have and asked != have:
        return progressing(f"is synced to {have[:8]}, {asked[:8]} was asked for")
    compared = at(obj, "status.sync.comparedTo.source.targetRevision")
    if asked and compared and compared != asked:
        return progressing(f"was compared to {compared}, {asked} was asked for")
    for part in ("source", "sources", "destination"):
        before = at(obj, f"status.sync.comparedTo.{part}")
        if before and _stated(before) != _stated(at(obj, f"spec.{part}")):
            return progressing(f"was compared with what its {part} was before")
    return ready("is Synced and Healthy")


def _stated(value: Any) -> Any:
    """A source or a destination without what it leaves open, of which its controller keeps
    nothing."""
    if isinstance(value, Mapping):
        parts = {k: _stated(v) for k, v in value.items()}
        return {k: v for k, v in parts.items() if v not in (None, "", {}, [], False)}
    return [_stated(v) for v in value] if isinstance(value, list) else value
