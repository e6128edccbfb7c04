"""Awaited objects, and what is known of them → the selections to follow.

The objects by name, their children by the workload's own selector or the operator's label, events
only of those that lack something. What else lives in the namespace changes none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from skill_runner.objects import Object, Ref, at
from skill_runner.readiness.status.table import is_passive
from skill_runner.readiness.wait.cache import View
from skill_runner.readiness.wait.expected import Expected
from skill_runner.readiness.wait.selection import Selection, label_selector
from skill_runner.readiness.wait.strimzi import POD_SET

# Operators label their children; owner references cannot be watched by selector.
OPERATOR_LABELS: Final[Mapping[tuple[str, str], str]] = {
    ("kafka.strimzi.io", "Kafka"): "strimzi.io/cluster",
    ("kafka.strimzi.io", "KafkaConnect"): "strimzi.io/cluster",
    ("kafka.strimzi.io", "KafkaNodePool"): "strimzi.io/pool-name",
    ("postgresql.cnpg.io", "Cluster"): "cnpg.io/cluster",
    ("postgresql.cnpg.io", "Pooler"): "cnpg.io/poolerName",
}
MOST_EVENT_WATCHES: Final = 24
_WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")


def target_selections(expected: Sequence[Expected], skipped: frozenset[str]) -> set[Selection]:
    """The awaited objects themselves, those left out excepted; passive ones only where we do not
    know from applying them that they are there."""
    return {
        Selection.one(e.ref)
        for e in expected
        if str(e.ref) not in skipped and not (e.uid and is_passive(e.ref.api_version, e.ref.kind))
    }


def child_selections(expected: Sequence[Expected], view: View) -> set[Selection]:
    """Children of the awaited objects, from their live selectors or from the manifest's."""
    found: set[Selection] = set()
    for one in expected:
        live = view.get(one.ref) or one.manifest
        found.update(_children(one, live))
        found.update(_claims(one.ref.namespace, live))
    return found


def _children(one: Expected, live: Mapping[str, Any]) -> Iterator[Selection]:
    space, kind = one.ref.namespace, one.ref.kind
    if kind in _WORKLOADS and one.ref.api_version.startswith("apps/"):
        labels = label_selector(at(live, "spec.selector"))
        if labels is None:
            return
        yield Selection("v1", "Pod", space, labels)
        if kind == "Deployment":
            yield Selection("apps/v1", "ReplicaSet", space, labels)
        if kind == "DaemonSet":
            yield Selection("apps/v1", "ControllerRevision", space, labels)
        if kind == "StatefulSet" and at(live, "spec.volumeClaimTemplates"):
            yield Selection("v1", "PersistentVolumeClaim", space, labels)
    elif kind == "Job":
        yield Selection("v1", "Pod", space, f"batch.kubernetes.io/job-name={one.ref.name}")
    elif kind == "Service" and at(live, "spec.selector"):
        yield Selection(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            space,
            f"kubernetes.io/service-name={one.ref.name}",
        )
    elif label := operator_label(one.ref):
        yield Selection("v1", "Pod", space, label)
        yield Selection("v1", "PersistentVolumeClaim", space, label)
        if kind == "KafkaNodePool":
            yield Selection(*POD_SET, space, label)


def operator_label(ref: Ref) -> str | None:
    """The label by which an operator marks the children of this custom resource."""
    key = OPERATOR_LABELS.get((ref.api_version.rpartition("/")[0], ref.kind))
    return f"{key}={ref.name}" if key else None


def has_selector(ref: Ref) -> bool:
    """Tell whether its pods are those that the selector of its spec finds."""
    return ref.kind in (*_WORKLOADS, "Job") and ref.api_version.startswith(("apps/", "batch/"))


def _claims(space: str | None, live: Mapping[str, Any]) -> Iterator[Selection]:
    """Claims that a pod template mounts by name."""
    spec = live.get("spec") or {}
    template = at(spec, "jobTemplate.spec.template.spec") or at(spec, "template.spec") or spec
    volumes = at(template, "volumes", [])
    for volume in volumes if isinstance(volumes, list) else []:
        if name := at(volume, "persistentVolumeClaim.claimName"):
            yield Selection("v1", "PersistentVolumeClaim", space, None, f"metadata.name={name}")


def event_selections(troubled: Iterable[Object]) -> set[Selection]:
    """Events of objects that lack something; a bounded number, the first by name."""
    found = sorted(
        Selection(
            "v1",
            "Event",
            at(o, "metadata.namespace"),
            None,
            f"involvedObject.uid={at(o, 'metadata.uid')}",
        )
        for o in troubled
        if at(o, "metadata.uid") and at(o, "metadata.namespace")
    )
    return set(found[:MOST_EVENT_WATCHES])
