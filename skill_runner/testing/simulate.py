"""The controllers of a cluster, played in memory: what is applied becomes ready, or fails as told.

Workloads get their ReplicaSets, revisions and pods with owner references, Jobs end, claims are
bound, Services get endpoints. What becomes of a workload's pods is its Fate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from skill_runner.objects import Object, Ref
from skill_runner.testing import pods
from skill_runner.testing.cluster import MemoryCluster
from skill_runner.testing.pods import Fate

REVISION = "deployment.kubernetes.io/revision"


def simulate(cluster: MemoryCluster, fates: Mapping[str, Fate] | None = None) -> Simulation:
    """Let the controllers work in this cluster; `fates` are named "Kind/name"."""
    return Simulation(cluster, dict(fates or {}))


@dataclass(frozen=True, slots=True)
class Simulation:
    """The controllers of one cluster. Change `fates` and call `settle` for a second chance."""

    cluster: MemoryCluster
    fates: dict[str, Fate]

    def __post_init__(self) -> None:
        workloads = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Pod")
        for kind in workloads:
            self.cluster.on_apply(kind, self._on_workload)
        self.cluster.on_apply("PersistentVolumeClaim", self._on_claim)
        self.cluster.on_apply("Service", self._on_service)

    async def settle(self, ref: Ref) -> None:
        """Let an object's fate come over it now, as after a change."""
        await self._on_workload(self.cluster, self.cluster.store.get(ref))

    async def _on_workload(self, cluster: MemoryCluster, obj: Object) -> None:
        kind, name = obj["kind"], obj["metadata"]["name"]
        fate = self.fates.get(f"{kind}/{name}", Fate())
        made = {"Deployment": self._deployment, "Job": self._job, "Pod": self._pod}.get(
            kind, self._set
        )(obj, fate)
        if fate.after > 0:
            await cluster.clock.sleep(fate.after)
        if self._is_current(obj):
            self._come_true(obj, fate, made)

    def _is_current(self, obj: Object) -> bool:
        """Tell whether nobody removed the object, or changed it again, meanwhile."""
        found = self.cluster.store.select(lambda ref, _: ref == Ref.of(obj))
        return any(
            (o["metadata"]["uid"], o["metadata"].get("generation"))
            == (obj["metadata"]["uid"], obj["metadata"].get("generation"))
            for o in found
        )

    # what a workload makes at once

    def _deployment(self, obj: Object, fate: Fate) -> list[Ref]:
        own = self._owned(obj, "ReplicaSet")
        name = f"{obj['metadata']['name']}-{_hash(obj['spec']['template'])}"
        found = next((rs for rs in own if rs["metadata"]["name"] == name), None)
        revision = 1 + max((int(rs["metadata"]["annotations"][REVISION]) for rs in own), default=0)
        note = found["metadata"]["annotations"] if found else {REVISION: str(revision)}
        count = int(obj["spec"].get("replicas", 1))
        meta = {
            "name": name,
            "namespace": obj["metadata"]["namespace"],
            "annotations": note,
            "labels": obj["spec"]["template"]["metadata"].get("labels", {}),
            "ownerReferences": [pods.owned_by(obj)],
        }
        replica_set = self.cluster.put(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": meta,
                "spec": {"replicas": count, "template": obj["spec"]["template"]},
            }
        )
        self.cluster.edit(
            Ref.of(obj),
            lambda live: live["metadata"].setdefault("annotations", {}).update(note),
            by="deployment-controller",
        )
        return self._pods(replica_set, obj, [f"{name}-{n}" for n in range(count)], fate)

    def _set(self, obj: Object, fate: Fate) -> list[Ref]:
        name, count = obj["metadata"]["name"], int(obj["spec"].get("replicas", 1))
        ends = range(count) if obj["kind"] == "StatefulSet" else ["node"]
        if obj["kind"] == "StatefulSet":
            self._claims(obj, count)
        return self._pods(obj, obj, [f"{name}-{end}" for end in ends], fate)

    def _claims(self, obj: Object, count: int) -> None:
        """The claims of a StatefulSet's templates; it owns them where they are to go with it."""
        meta, spec = obj["metadata"], obj["spec"]
        policy = spec.get("persistentVolumeClaimRetentionPolicy") or {}
        owners = [pods.owned_by(obj)] if policy.get("whenDeleted") == "Delete" else []
        for template in spec.get("volumeClaimTemplates") or ():
            base = f"{template['metadata']['name']}-{meta['name']}-"
            names = {f"{base}{n}" for n in range(count)}
            found = self.cluster.store.select(
                lambda ref, _, base=base: (  # type: ignore[misc]
                    (ref.kind, ref.namespace) == ("PersistentVolumeClaim", meta["namespace"])
                    and ref.name.startswith(base)
                    and ref.name.removeprefix(base).isdigit()
                )
            )
            for live in found:
                names.discard(live["metadata"]["name"])
                if (live["metadata"].get("ownerReferences") or []) != owners:
                    live["metadata"]["ownerReferences"] = owners
                    self.cluster.store.replace(live, manager=("controller", "Update"))
            labels = (spec.get("selector") or {}).get("matchLabels") or {}
            for name in sorted(names):
                own = {"name": name, "namespace": meta["namespace"], "labels": labels}
                claim = {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "spec": template["spec"],
                    "metadata": {**own, **({"ownerReferences": owners} if owners else {})},
                }
                self.cluster.put(claim)
                self._on_claim(self.cluster, claim)

    def _job(self, obj: Object, fate: Fate) -> list[Ref]:
        return self._pods(obj, obj, [f"{obj['metadata']['name']}-0"], fate)

    def _pod(self, obj: Object, fate: Fate) -> list[Ref]:
        self.cluster.set_status(Ref.of(obj), **pods.starting(obj))
        return [Ref.of(obj)]

    def _pods(self, owner: Object, workload: Object, names: list[str], fate: Fate) -> list[Ref]:
        """Pods of the newest template; those of the same names and an older one are replaced."""
        template = workload["spec"]["template"]
        refs = []
        for name in names:
            ref = Ref("v1", "Pod", name, owner["metadata"]["namespace"])
            for old in self.cluster.store.select(lambda r, _, ref=ref: r == ref):  # type: ignore[misc]
                if old["metadata"]["labels"].get("template-hash") != _hash(template):
                    self.cluster.store.delete(ref)
            pod = pods.from_template(ref, template, owner, {"template-hash": _hash(template)})
            self.cluster.put({**pod, "status": pods.starting(pod)})
            refs.append(ref)
        return refs

    # what its fate brings

    def _come_true(self, obj: Object, fate: Fate, made: list[Ref]) -> None:
        for ref in made:
            pod = self.cluster.store.get(ref)
            self.cluster.set_status(ref, **pods.status_of(pod, fate, job=obj["kind"] == "Job"))
        if obj["kind"] == "Pod":
            return
        keep = set(made)
        if not fate.reason:
            for ref in list(self._all_pods(obj)):
                if ref not in keep:
                    self.cluster.store.delete(ref)
        self.cluster.set_status(Ref.of(obj), **_workload_status(obj, fate, len(made)))
        for service in self.cluster.store.select(
            lambda ref, other: ref.kind == "Service" and _may_select(other, obj)
        ):
            self._on_service(self.cluster, service)

    def _all_pods(self, obj: Object) -> Iterator[Ref]:
        owners = [obj, *self._owned(obj, "ReplicaSet")]
        for owner in owners:
            for pod in self._owned(owner, "Pod"):
                yield Ref.of(pod)

    def _owned(self, owner: Object, kind: str) -> list[Object]:
        uid = owner["metadata"]["uid"]
        return self.cluster.store.select(
            lambda ref, obj: (
                ref.kind == kind
                and any(o["uid"] == uid for o in obj["metadata"].get("ownerReferences") or ())
            )
        )

    def _on_claim(self, cluster: MemoryCluster, claim: Object) -> None:
        capacity = claim["spec"].get("resources", {}).get("requests", {})
        cluster.set_status(Ref.of(claim), phase="Bound", capacity=capacity)

    def _on_service(self, cluster: MemoryCluster, service: Object) -> None:
        """One EndpointSlice, with the pods of the selector that are ready or not."""
        meta, spec = service["metadata"], service.get("spec") or {}
        selector: dict[str, str] = spec.get("selector") or {}
        if not selector:
            return
        chosen = cluster.store.select(
            lambda ref, obj: (
                (ref.kind, ref.namespace) == ("Pod", meta["namespace"])
                and selector.items() <= (obj["metadata"].get("labels") or {}).items()
            )
        )
        cluster.put(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": f"{meta['name']}-slice",
                    "namespace": meta["namespace"],
                    "labels": {"kubernetes.io/service-name": meta["name"]},
                    "ownerReferences": [pods.owned_by(service)],
                },
                "addressType": "IPv4",
                "endpoints": [pods.endpoint(pod) for pod in chosen],
                "ports": [
                    {"name": port.get("name", ""), "port": port["port"]}
                    for port in spec.get("ports") or ()
                ],
            }
        )


def _may_select(service: Object, workload: Object) -> bool:
    """Tell whether pods of the workload can be a Service's: no label that they must have forbids
    it."""
    if service["metadata"]["namespace"] != workload["metadata"]["namespace"]:
        return False
    labels = (workload["spec"].get("selector") or {}).get("matchLabels") or {}
    selector = (service.get("spec") or {}).get("selector") or {}
    return all(labels.get(key, value) == value for key, value in selector.items())


def _workload_status(obj: Object, fate: Fate, count: int) -> dict[str, Any]:
    ready = 0 if fate.reason else count
    if obj["kind"] == "Job":
        failed = bool(fate.reason)
        kind, reason = ("Failed", "BackoffLimitExceeded") if failed else ("Complete", "Completed")
        done = {"type": kind, "status": "True", "reason": reason}
        return {"conditions": [done], "failed" if failed else "succeeded": 1}
    status: dict[str, Any] = {"observedGeneration": obj["metadata"]["generation"]}
    if obj["kind"] == "DaemonSet":
        return status | {
            "desiredNumberScheduled": count,
            "currentNumberScheduled": count,
            "updatedNumberScheduled": count,
            "numberReady": ready,
            "numberAvailable": ready,
            "numberMisscheduled": 0,
        }
    status |= {
        "replicas": count,
        "updatedReplicas": count,
        "currentReplicas": count,
        "readyReplicas": ready,
        "availableReplicas": ready,
    }
    if obj["kind"] == "StatefulSet":
        revision = f"{obj['metadata']['name']}-{_hash(obj['spec']['template'])}"
        return status | {"currentRevision": revision, "updateRevision": revision}
    available = {"type": "Available", "status": "False" if fate.reason else "True"}
    going = "ReplicaSetUpdated" if fate.reason else "NewReplicaSetAvailable"
    progressing = {"type": "Progressing", "status": "True", "reason": going}
    return status | {"conditions": [available, progressing]}


def _hash(template: Object) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
