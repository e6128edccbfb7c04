"""The brokers of a KafkaNodePool: which of them tell about what was applied, and whether all do.

Sources: KafkaReconciler and StrimziPodSetController of Strimzi 1.2.0. A pool's status is written
before its pods are rolled, one after the other; its StrimziPodSet counts those that are done. And
an edit is taken up only when the reconciliation before it has ended, which waits up to 300 s for a
broker that cannot start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from skill_runner.objects import Object, Ref, at, count
from skill_runner.readiness.status import Verdict
from skill_runner.readiness.status.freshness import check_observed
from skill_runner.readiness.status.pods import pod as pod_verdict
from skill_runner.readiness.status.strimzi import pod_set
from skill_runner.readiness.status.verdict import counted
from skill_runner.readiness.wait.cache import View

API: Final = "kafka.strimzi.io/v1"
CLUSTER: Final = "strimzi.io/cluster"
POOL: Final = "strimzi.io/pool-name"
POD_SET: Final = ("core.strimzi.io/v1", "StrimziPodSet")


def pod_set_of(pool: Object, view: View) -> Object | None:
    """Return what makes the pool's pods; None where there is none yet, or an old one."""
    if check_observed(pool) is not None:
        return None
    return next(iter(view.owned(POD_SET[1], at(pool, "metadata.uid", ""))), None)


def is_of_before(pod: Object, view: View) -> bool:
    """Tell whether a broker is older than an edit that the operator has not reported on: what is
    wrong with it is wrong with what was there before."""
    labels, space = at(pod, "metadata.labels", {}), at(pod, "metadata.namespace")
    if POOL not in labels:
        return False
    makers = (
        Ref(API, "KafkaNodePool", labels[POOL], space),
        Ref(API, "Kafka", labels.get(CLUSTER, ""), space),
    )
    made = str(at(pod, "metadata.creationTimestamp", ""))
    return any(
        check_observed(maker) is not None and made < _edited(maker)
        for maker in map(view.get, makers)
        if maker is not None
    )


def _edited(obj: Object) -> str:
    """Return when something besides its status was last written."""
    entries = at(obj, "metadata.managedFields", [])
    return max((str(e.get("time", "")) for e in entries if not e.get("subresource")), default="")


def of_pool(
    pool: Object, maker: Object | None, pods: Sequence[Object], verdict: Verdict
) -> Verdict:
    """Every pod of the pool is ready, and none is of before."""
    want = count(pool, "spec.replicas")
    good = sum(1 for p in pods if pod_verdict(p).is_ready)
    if good < want:
        return counted(good, want, "pods are ready")
    rolled = pod_set(maker) if maker is not None else verdict
    return verdict if rolled.is_ready else rolled
