"""What tests ask of a cluster's API: all of its objects, changes by hand, and waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Final

from skill_runner.backends.base import Cluster
from skill_runner.backends.kube import KubeCluster
from skill_runner.backends.kube.discovery import Discovery
from skill_runner.backends.kube.transport import open_transport
from skill_runner.errors import ApiError
from skill_runner.objects import Object, Ref

# What the cluster's own controllers make and renew, whoever uses it.
OF_THE_CLUSTER: Final = frozenset(
    {
        "Event",
        "Lease",
        "EndpointSlice",
        "Endpoints",
        "ControllerRevision",
        "PodMetrics",
        "NodeMetrics",
        "ComponentStatus",
        "CSINode",
        "IPAddress",
        "PersistentVolume",
    }
)


async def every_object(cluster: Cluster) -> set[str]:
    found: set[str] = set()
    for kind in await cluster.resource_types():
        if kind.kind in OF_THE_CLUSTER or "list" not in kind.verbs:
            continue
        listed = await cluster.list(kind.api_version, kind.kind)
        found |= {
            f"{kind.api_version} {kind.kind} {o['metadata'].get('namespace', '')}"
            f"/{o['metadata']['name']}"
            for o in listed.items
            if not _is_made_by_a_starting_cluster(o, kind.kind)
        }
    return found


def _is_made_by_a_starting_cluster(obj: Object, kind: str) -> bool:
    """What controllers make some seconds after the API server answers, for each of them and in
    every namespace."""
    name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace")
    if kind == "ServiceAccount":
        return namespace == "kube-system" or bool(name == "default")
    if kind == "ClusterTrustBundle":
        return str(name).startswith("kubernetes.io:")  # of the API server's own certificate
    return kind == "ConfigMap" and bool(name == "kube-root-ca.crt")


async def list_kinds(cluster: Cluster, kinds: Collection[str]) -> list[Object]:
    return [
        {"apiVersion": served.api_version, "kind": served.kind, **obj}
        for served in await cluster.resource_types()
        if served.kind in kinds and served.api_version in ("v1", "apps/v1")
        for obj in (await cluster.list(served.api_version, served.kind)).items
    ]


async def every_log(cluster: Cluster) -> str:
    said = []
    for pod in await list_kinds(cluster, {"Pod"}):
        meta = pod["metadata"]
        for part in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
            with suppress(ApiError):
                where = meta["namespace"], meta["name"], part["name"]
                said.append(await cluster.logs(*where, tail=5000))
    return "\n".join(said)


async def apply(cluster: Cluster, *, manifest: Object) -> None:
    await cluster.apply(manifest)


async def set_status(cluster: KubeCluster, *, ref: Ref, status: Object) -> None:
    """A status is a resource of its own, which the runner has no business with."""
    transport = await open_transport(cluster.target)
    try:
        path = await Discovery(transport).path(ref)
        await transport.json(
            "PATCH",
            f"{path}/status",
            body={"status": status},
            content="application/merge-patch+json",
        )
    finally:
        await transport.close()


async def set_finalizers(cluster: Cluster, *, ref: Ref, finalizers: Sequence[str]) -> None:
    live = await cluster.get(ref)
    meta = {**live["metadata"], "finalizers": list(finalizers)}
    await cluster.replace({**live, "metadata": meta})


async def until_true(cluster: Cluster, *, ref: Ref, true: Callable[[Object], bool]) -> Object:
    one = {"namespace": ref.namespace, "fields": f"metadata.name={ref.name}"}
    async with asyncio.timeout(120):
        async for event in cluster.watch(ref.api_version, ref.kind, **one):
            if event.type in ("ADDED", "MODIFIED") and true(event.object):
                return event.object
    raise AssertionError(f"the watch of {ref} ended")


async def scale(cluster: Cluster, deployment: Ref, replicas: int) -> None:
    found = await cluster.get(deployment)
    await cluster.replace({**found, "spec": {**found["spec"], "replicas": replicas}})
    labels = ",".join(f"{k}={v}" for k, v in found["spec"]["selector"]["matchLabels"].items())
    if replicas == 0:
        listed = await cluster.list("v1", "Pod", namespace=deployment.namespace, labels=labels)
        for pod in listed.items:
            await until_deleted(
                cluster, Ref("v1", "Pod", pod["metadata"]["name"], deployment.namespace)
            )


async def until_seen(cluster: Cluster, *, kind: str, name: str, namespace: str) -> None:
    async with asyncio.timeout(60):
        async for event in cluster.watch("v1", kind, namespace=namespace):
            if event.object["metadata"].get("name") == name:  # a bookmark has none
                return


async def until_deleted(cluster: Cluster, ref: Ref) -> None:
    """Until an object is gone; at once where it is not there."""
    space, fields = ref.namespace, f"metadata.name={ref.name}"
    listed = await cluster.list(ref.api_version, ref.kind, namespace=space, fields=fields)
    if not listed.items:
        return
    since = listed.resource_version
    async with asyncio.timeout(120):
        async for event in cluster.watch(
            ref.api_version, ref.kind, namespace=space, fields=fields, resource_version=since
        ):
            if event.type == "DELETED":
                return


async def until_pod_ready(cluster: Cluster, *, pod: Ref) -> None:
    """Until a pod, which may not be there yet, is ready."""
    async with asyncio.timeout(120):
        async for event in cluster.watch("v1", "Pod", namespace=pod.namespace):
            conditions = (event.object.get("status") or {}).get("conditions") or ()
            ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
            if ready and event.object["metadata"]["name"] == pod.name:
                return
