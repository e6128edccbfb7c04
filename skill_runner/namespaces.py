"""Namespaces that a run makes for what it applies, and that the last removal takes away again."""

from __future__ import annotations

from typing import Final

from skill_runner.backends.base import Cluster, Ref
from skill_runner.deletions import LOOK_EVERY
from skill_runner.errors import Forbidden, NotFound
from skill_runner.record import Record
from skill_runner.status.table import group_of, is_custom
from skill_runner.world import World

# Marks a namespace that a run made.
MADE: Final = {"app.kubernetes.io/managed-by": "skill-runner"}
PODS_FOLLOW: Final = 30.0  # seconds in which the pods of a workload that is gone may end
_KINDS: Final = (
    ("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("v1", "PersistentVolumeClaim"),
    ("v1", "Service"), ("v1", "ConfigMap"), ("v1", "Secret"), ("batch/v1", "Job"),
)  # fmt: skip
_REPORTS: Final = frozenset({"metrics.k8s.io"})  # about objects that are counted already


async def ensure_namespace(cluster: Cluster, name: str) -> bool:
    """Make the namespace if it is missing; whether it was made."""
    try:
        await cluster.get(Ref("v1", "Namespace", name))
    except NotFound:
        meta = {"name": name, "labels": MADE}
        await cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        return True
    except Forbidden:
        pass  # whoever owns one namespace alone may not look at it
    return False


async def take_away(world: World, target: Record) -> list[Ref]:
    """Delete the namespaces of an installation that a run made and that hold nothing of anyone
    else's; those that are going now."""
    going = []
    own = target.installation.namespace
    for name in sorted({own, *(r.namespace for r in target.objects if r.namespace)}):
        ref = Ref("v1", "Namespace", name)
        try:
            found = await world.cluster.get(ref)
        except (NotFound, Forbidden):  # a neighbour's removal was faster, or it is not ours to see
            continue
        made = MADE.items() <= (found["metadata"].get("labels") or {}).items()
        if made and not await _in_use(world, name):
            await world.cluster.delete(ref)
            going.append(ref)
    return going


async def _in_use(world: World, namespace: str) -> bool:
    """Whether the namespace holds workloads, records, configuration or custom resources.

    Pods are looked at last, and waited for: those of a workload that is gone follow it.
    """
    cluster, clock = world.cluster, world.clock
    for api_version, kind in (*_KINDS, *await _custom_kinds(cluster)):
        try:
            found = await cluster.list(api_version, kind, namespace=namespace, most=2, bare=True)
        except NotFound:
            continue  # its definition went a moment ago
        if any(o["metadata"]["name"] != "kube-root-ca.crt" for o in found.items):
            return True
    deadline = clock.monotonic() + PODS_FOLLOW
    while (await cluster.list("v1", "Pod", namespace=namespace, most=1, bare=True)).items:
        if clock.monotonic() > deadline:
            return True
        await clock.sleep(LOOK_EVERY)
    return False


async def _custom_kinds(cluster: Cluster) -> list[tuple[str, str]]:
    return [
        (t.api_version, t.kind) for t in await cluster.resource_types(fresh=True)
        if t.namespaced and "list" in t.verbs and is_custom(t.api_version)
        and group_of(t.api_version) not in _REPORTS
    ]  # fmt: skip
