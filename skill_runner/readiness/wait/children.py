"""From a workload to the pods of its current revision: by owner reference, never by name.

Pods of an older revision are going away and pods of another release are none of ours; neither may
fail a wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from skill_runner.objects import Object, at, count, generation, observed_generation
from skill_runner.readiness.wait.cache import View
from skill_runner.readiness.wait.expected import Expected
from skill_runner.readiness.wait.scope import operator_label
from skill_runner.readiness.wait.strimzi import is_of_before, pod_set_of

REVISION = "deployment.kubernetes.io/revision"
HASH = "controller-revision-hash"
TEMPLATE_HASH = "pod-template-hash"
WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")


@dataclass(frozen=True, slots=True)
class Family:
    """One awaited object with what makes its pods (now), those pods, and its claims."""

    owner: str
    maker: Object | None
    pods: tuple[Object, ...] = ()
    of_job: bool = False


def family_of(one: Expected, live: Object, view: View) -> Family:
    """The current children of one awaited object; none while its controller has yet to see what
    was applied, since those that are there then are of before."""
    kind, uid = one.ref.kind, at(live, "metadata.uid", "")
    name = f"{kind} {one.ref.name}"
    if kind in WORKLOADS and _is_unseen(live):
        return Family(name, None)
    if kind == "Deployment":
        current = current_replica_set(live, view)
        pods = view.owned("Pod", at(current, "metadata.uid", "")) if current else ()
        return Family(name, current, pods)
    if kind == "StatefulSet":
        return Family(name, live, tuple(_of_stateful(live, view.owned("Pod", uid))))
    if kind == "DaemonSet":
        return Family(name, live, _of_daemon(live, view))
    if kind in ("ReplicaSet", "Job"):
        return Family(name, live, view.owned("Pod", uid), kind == "Job")
    if kind == "Pod":
        return Family(name, None, (live,))
    if label := operator_label(one.ref):
        key, _, value = label.partition("=")
        pods = tuple(
            p
            for p in view.of_kind("Pod", one.ref.namespace)
            if at(p, "metadata.labels", {}).get(key) == value and not is_of_before(p, view)
        )
        return Family(name, pod_set_of(live, view) if kind == "KafkaNodePool" else None, pods)
    return Family(name, None)


def _is_unseen(live: Object) -> bool:
    seen = observed_generation(live)
    return seen is not None and seen < generation(live)


def current_replica_set(deployment: Object, view: View) -> Object | None:
    """The ReplicaSet of the Deployment's newest revision; None before it was made.

    Two watches are not of one moment: after a rollback the ReplicaSet that is current again may be
    known by its old revision. Its template tells, as it tells the controller itself.
    """
    owned = view.owned("ReplicaSet", at(deployment, "metadata.uid", ""))
    if not owned:
        return None
    newest = max(owned, key=_revision)
    is_current = _revision(newest) >= _revision(deployment) and _makes_pods_of(newest, deployment)
    return newest if is_current else None


def _makes_pods_of(replica_set: Object, deployment: Object) -> bool:
    made, asked = (at(o, "spec.template") for o in (replica_set, deployment))
    if made is None or asked is None:
        return True
    labels = {k: v for k, v in at(made, "metadata.labels", {}).items() if k != TEMPLATE_HASH}
    alike = bool({**made, "metadata": {**at(made, "metadata", {}), "labels": labels}} == asked)
    return alike or _plain(made) == _plain(asked)


def _plain(value: Any) -> Any:
    """A template without what its controller adds, and without nulls, which say nothing: two API
    servers of an upgrade differ in them."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if v is not None and k != TEMPLATE_HASH}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _revision(obj: Object) -> int:
    text = str(at(obj, "metadata.annotations", {}).get(REVISION, "0"))
    return int(text) if text.isdigit() else 0


def _of_stateful(live: Object, pods: tuple[Object, ...]) -> Iterator[Object]:
    """Pods of the update revision, and an old one that is not ready while nothing moves on.

    A StatefulSet waits for its broken old pod before it updates it (kubernetes#67250), unless it
    manages its pods in parallel.
    """
    wanted = at(live, "status.updateRevision")
    parallel = at(live, "spec.podManagementPolicy") == "Parallel"
    held = count(live, "status.updatedReplicas") == 0 and not parallel
    for pod in pods:
        current = at(pod, "metadata.labels", {}).get(HASH)
        if wanted is None or current == wanted or held:
            yield pod


def _of_daemon(live: Object, view: View) -> tuple[Object, ...]:
    uid = at(live, "metadata.uid", "")
    pods = view.owned("Pod", uid)
    revisions = view.owned("ControllerRevision", uid)
    if not revisions:
        return pods
    newest = max(revisions, key=lambda r: count(r, "revision"))
    wanted = at(newest, "metadata.labels", {}).get(HASH)
    return tuple(p for p in pods if at(p, "metadata.labels", {}).get(HASH) == wanted)
