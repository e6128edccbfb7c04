"""Deployment, StatefulSet, DaemonSet, ReplicaSet: every replica updated and available.

Availability is counted against all replicas, never against maxUnavailable: with `replicas: 1,
maxUnavailable: 1` Helm 3's rule is content with zero pods.
"""

from __future__ import annotations

from skill_runner.objects import Object, at, condition, count, is_false, is_true, says
from skill_runner.readiness.status.freshness import check_observed
from skill_runner.readiness.status.verdict import Verdict, counted, progressing, ready


def deployment(obj: Object) -> Verdict:
    if stale := check_observed(obj):
        return stale
    want = count(obj, "spec.replicas", 1)
    available = count(obj, "status.availableReplicas")
    if at(obj, "spec.paused", False):
        note = "is paused on purpose: changes of its pods wait until it is resumed"
        return ready(f"{note} ({available} of {want} replicas are available)", note=note)
    behind = _replicas_rolled(obj, want)
    progress = condition(obj, "Progressing")
    if behind and is_false(progress) and at(progress, "reason") == "ProgressDeadlineExceeded":
        done = f"{available} of {want} replicas are available"
        return progressing(f"made no progress within its own deadline ({done})")
    return behind or ready(f"{_of(want)} available", done=want, total=want)


def _replicas_rolled(obj: Object, want: int) -> Verdict | None:
    updated = count(obj, "status.updatedReplicas")
    available = count(obj, "status.availableReplicas")
    if updated < want:
        refused = condition(obj, "ReplicaFailure")
        why = f" ({says(refused)})" if refused and is_true(refused) else ""
        verdict = counted(updated, want, "replicas are updated")
        return Verdict("progressing", verdict.message + why, verdict.facts)
    total = count(obj, "status.replicas")
    if total > updated:
        return counted(updated, total, "replicas are of the new version, old ones are going")
    if total > want:
        return progressing(f"{total - want} replicas too many, going", done=want, total=total)
    if available < want:
        return counted(available, want, "replicas are available")
    return None


def stateful_set(obj: Object) -> Verdict:
    if stale := check_observed(obj):
        return stale
    want = count(obj, "spec.replicas", 1)
    have = count(obj, "status.replicas")
    if have > want:
        return progressing(f"{have - want} replicas too many, going", done=want, total=have)
    prepared = count(obj, "status.readyReplicas")
    if prepared < want:
        return counted(prepared, want, "replicas are ready")
    updated = count(obj, "status.updatedReplicas")
    if at(obj, "spec.updateStrategy.type") == "OnDelete":
        return _on_delete(_of(want) + " ready", want - updated if _rolling(obj) else 0)
    must = max(0, want - count(obj, "spec.updateStrategy.rollingUpdate.partition"))
    if _rolling(obj) and updated < must:
        return counted(updated, must, "replicas are updated")
    available = count(obj, "status.availableReplicas", prepared)
    if available < want:
        return counted(available, want, "replicas are available (minReadySeconds)")
    held = f", {want - must} held back by its partition" if must < want and updated < want else ""
    return ready(f"{_of(want)} ready{held}", done=want, total=want)


def _rolling(stateful: Object) -> bool:
    """Tell whether two revisions exist: with one, updatedReplicas may be left out of the status."""
    update = at(stateful, "status.updateRevision")
    return bool(update) and update != at(stateful, "status.currentRevision")


def _on_delete(base: str, old: int) -> Verdict:
    if old <= 0:
        return ready(base)
    note = f"{old} pods still run the previous revision until someone deletes them (OnDelete)"
    return ready(f"{base}; {note}", note=note)


def daemon_set(obj: Object) -> Verdict:
    if stale := check_observed(obj):
        return stale
    want = count(obj, "status.desiredNumberScheduled")
    if want == 0:
        return ready("no node is to run it", done=0, total=0, note="no node is to run it")
    updated = count(obj, "status.updatedNumberScheduled")
    available = count(obj, "status.numberAvailable")
    on_delete = at(obj, "spec.updateStrategy.type") == "OnDelete"
    if not on_delete and updated < want:
        return counted(updated, want, "pods are updated")
    if available < want:
        return counted(available, want, "pods are available")
    if on_delete:
        return _on_delete(f"{want} of {want} pods are available", want - updated)
    return ready(f"{want} of {want} pods are available", done=want, total=want)


def replica_set(obj: Object) -> Verdict:
    if stale := check_observed(obj):
        return stale
    want = count(obj, "spec.replicas", 1)
    have = count(obj, "status.replicas")
    available = count(obj, "status.availableReplicas")
    refused = condition(obj, "ReplicaFailure")
    if have < want and is_true(refused) and refused:
        return progressing(f"{have} of {want} replicas exist ({says(refused)})")
    if have > want:
        return progressing(f"{have - want} replicas too many, going")
    if available < want:
        return counted(available, want, "replicas are available")
    return ready(f"{_of(want)} available", done=want, total=want)


def _of(want: int) -> str:
    return f"{want} of {want} replicas are" if want else "scaled to zero, 0 of 0 replicas are"
