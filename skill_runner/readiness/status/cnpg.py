"""CloudNativePG's kinds (postgresql.cnpg.io/v1).

Source: pkg/resources/status/transactions.go of 1.30. A Cluster has no observedGeneration, so after
an edit one look proves nothing: the verdict is `unproven`, and the wait looks twice.
"""

from __future__ import annotations

from typing import Final

from skill_runner.objects import Object, at, condition, count, generation, is_true
from skill_runner.readiness.status.freshness import check_observed
from skill_runner.readiness.status.verdict import (
    Verdict,
    counted,
    failed,
    progressing,
    ready,
    unobserved,
)
from skill_runner.text.quoting import excerpt, named

HEALTHY: Final = "Cluster in healthy state"
TERMINAL: Final = (
    "Cluster is unrecoverable and needs manual intervention",
    "Unable to create required cluster objects",
    "Invalid cluster definition",
    "Cluster has incomplete or invalid image catalog",
    "Cluster cannot proceed to reconciliation due to an unknown plugin being required",
    "Cluster cannot execute instance online upgrade due to missing architecture binary",
)


def cluster(obj: Object) -> Verdict:
    phase = at(obj, "status.phase", "")
    if not phase:
        return unobserved("its operator has not reported on it yet")
    if phase in TERMINAL or "unknown plugin" in phase:
        why = at(obj, "status.phaseReason", "")
        tail = f" ({excerpt(why)})" if why else ""
        return failed(f"phase is {excerpt(phase)}{tail}", reason=phase)
    want, have = count(obj, "spec.instances", 1), count(obj, "status.readyInstances")
    if have < want:
        verdict = counted(have, want, "instances are ready")
        return Verdict("progressing", f"{verdict.message} (phase {excerpt(phase)})", verdict.facts)
    if phase != HEALTHY or not is_true(condition(obj, "Ready")):
        return progressing(f"phase is {excerpt(phase)}")
    if not at(obj, "status.currentPrimary"):
        return progressing("has no primary yet")
    facts = {"unproven": True} if generation(obj) > 1 else {}
    return ready(f"{have} of {want} instances are ready", done=have, total=want, **facts)


def database(obj: Object) -> Verdict:
    """Database, Publication, Subscription, DatabaseRole: `applied`, at this generation."""
    if stale := check_observed(obj):
        return stale
    applied = at(obj, "status.applied")
    if applied is True:
        return ready("applied")
    why = at(obj, "status.message", "")
    if applied is False and why:
        return failed(f"not applied ({excerpt(why)})", reason="NotApplied")
    return progressing("not applied yet")


def pooler(obj: Object) -> Verdict:
    phase = at(obj, "status.phase")
    if phase in ("failed", "inactive"):
        return failed(f"phase is {phase}", reason=str(phase))
    want, have = count(obj, "spec.instances", 1), count(obj, "status.instances")
    if have < want:
        return counted(have, want, "instances exist")
    if phase not in (None, "active", "paused"):
        return progressing(f"phase is {named(phase)}")
    return ready(f"{have} of {want} instances exist", done=have, total=want)
