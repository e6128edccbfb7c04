"""The workloads of recorded installations that somebody scaled to zero, by the cluster alone.

Of an installation where nothing is at 0, no manifest is read.
"""

from __future__ import annotations

from collections.abc import Iterable

from skill_runner.backends.base import Cluster
from skill_runner.backends.helm.storage import Releases
from skill_runner.errors import Forbidden, NotFound
from skill_runner.installations.record import Record
from skill_runner.objects import Object, Ref, at
from skill_runner.readiness.status.scaling import KINDS, scaled_to_zero, scales

_AUTOSCALER = ("autoscaling/v2", "HorizontalPodAutoscaler")


async def scaled_down(cluster: Cluster, records: Iterable[Record]) -> dict[str, tuple[str, ...]]:
    """By installation, a sentence for each workload of its releases that was scaled to zero; what
    may not be read is passed over."""
    found: dict[str, tuple[str, ...]] = {}
    for one in records:
        told: list[str] = []
        for entry in one.releases:
            told += await _of_release(cluster, entry.name, entry.namespace)
        if told:
            found[str(one.installation)] = tuple(told)
    return found


async def _of_release(cluster: Cluster, name: str, space: str) -> list[str]:
    stopped = {
        Ref.of(o): o
        for kind in KINDS
        for o in await _list(cluster, "apps/v1", kind, space)
        if at(o, "spec.replicas") == 0
    }
    if not stopped:
        return []
    try:
        manifests = await Releases(cluster).manifest(name, space)
    except (Forbidden, NotFound):
        return []
    autoscalers = await _list(cluster, *_AUTOSCALER, space)
    told = []
    for manifest in manifests:
        meta = manifest["metadata"]
        ref = Ref("apps/v1", manifest["kind"], meta["name"], meta.get("namespace") or space)
        scaled = scaled_to_zero(manifest, stopped.get(ref))
        if scaled and not any(scales(each, ref.kind, ref.name) for each in autoscalers):
            told.append(f"{ref} {scaled}")
    return told


async def _list(cluster: Cluster, api_version: str, kind: str, space: str) -> list[Object]:
    try:
        found = await cluster.list(api_version, kind, namespace=space)
    except (Forbidden, NotFound):
        return []
    return [{"apiVersion": api_version, "kind": kind, **o} for o in found.items]
