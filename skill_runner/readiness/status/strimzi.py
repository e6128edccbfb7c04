"""Strimzi's kinds (kafka.strimzi.io/v1, core.strimzi.io/v1).

Sources: KafkaAssemblyOperator, StatusUtils and BatchingTopicController of Strimzi 1.2.0. A Kafka
never says Ready=False: at first touch it has NotReady=True with reason Creating and no
observedGeneration; a failure is NotReady=True with another reason, tried again every 120 s.
"""

from __future__ import annotations

from typing import Final

from skill_runner.objects import Object, at, condition, count, generation, is_false, is_true, says
from skill_runner.readiness.status.freshness import check_observed
from skill_runner.readiness.status.verdict import Verdict, counted, failed, progressing, ready

PAUSE: Final = "strimzi.io/pause-reconciliation"


def kafka(obj: Object) -> Verdict:
    """Kafka, KafkaUser, KafkaConnect and the other kinds of Ready=True or NotReady=True."""
    paused = condition(obj, "ReconciliationPaused")
    if paused and is_true(paused):
        if at(obj, "metadata.annotations", {}).get(PAUSE) != "true":
            return progressing("is no longer paused, its operator has not reported since")
        return progressing("its reconciliation is paused", note="its reconciliation is paused")
    bad = condition(obj, "NotReady")
    if bad and is_true(bad):
        if bad.get("reason") == "Creating":
            return progressing("is being created")
        return failed(f"NotReady ({says(bad)})", reason=bad.get("reason", ""))
    if stale := check_observed(obj):
        return stale
    if not is_true(condition(obj, "Ready")):
        return progressing("its operator does not call it Ready yet")
    return ready("Ready is True")


def topic(obj: Object) -> Verdict:
    if stale := check_observed(obj):
        return stale
    found = condition(obj, "Ready")
    if found and is_false(found):
        return failed(f"Ready is False ({says(found)})", reason=found.get("reason", ""))
    if not is_true(found):
        return progressing("its operator does not call it Ready yet")
    if not at(obj, "status.topicId"):
        return progressing("has no topicId yet: it does not exist in Kafka")
    return ready("exists in Kafka")


def node_pool(obj: Object) -> Verdict:
    """Has no conditions: its ids say that the operator made it, its StrimziPodSet that it runs.

    After an edit its status comes first, and the pods a moment later: one look proves nothing.
    """
    if stale := check_observed(obj):
        return stale
    want, have = count(obj, "spec.replicas"), len(at(obj, "status.nodeIds", []))
    if have != want:
        return counted(have, want, "nodes have an id")
    facts = {"unproven": True} if generation(obj) > 1 else {}
    return ready(f"{have} of {want} nodes have an id", done=have, total=want, **facts)


def pod_set(obj: Object) -> Verdict:
    if stale := check_observed(obj):
        return stale
    want = len(at(obj, "spec.pods", []))
    for field, what in (
        ("pods", "pods exist"),
        ("currentPods", "pods are updated"),
        ("readyPods", "pods are ready"),
    ):
        if (have := count(obj, f"status.{field}")) < want:
            return counted(have, want, what)
    return ready(f"{want} of {want} pods are ready", done=want, total=want)
