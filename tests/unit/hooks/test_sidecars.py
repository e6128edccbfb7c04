"""Pods of any namespace that ask for a sidecar in vain: named, and made again by their owners."""

from __future__ import annotations

import pytest

from skill_runner.hooks import GiveUp, check_all_sidecars, remake_without_sidecar
from skill_runner.objects import Object
from skill_runner.testing import MemoryCluster
from tests.unit.hooks.test_dapr import context


def pod(name: str, *, owner: str = "", containers: tuple[str, ...] = ("app",)) -> Object:
    """A pod that asks for a sidecar."""
    owners = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": "1"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "annotations": {"dapr.io/enabled": "true"},
            "ownerReferences": owners if owner else [],
        },
        "spec": {"containers": [{"name": c, "image": "example.org/a:1"} for c in containers]},
        "status": {"phase": "Running"},
    }


async def names(cluster: MemoryCluster) -> list[str]:
    return [o["metadata"]["name"] for o in (await cluster.list("v1", "Pod")).items]


async def test_pods_without_their_sidecar_are_named_and_made_again() -> None:
    cluster = MemoryCluster()
    for made in (
        pod("bare", owner="web"),
        pod("whole", owner="web", containers=("app", "daprd")),
    ):
        cluster.put(made)
    ctx = context(cluster)
    with pytest.raises(GiveUp, match="1 pod asks") as named:
        await check_all_sidecars(ctx)
    assert (named.value.code, named.value.resource) == (
        "SIDECAR_MISSING",
        "Pod default/bare",
    )
    assert await remake_without_sidecar(ctx) == "1 pods made again, which had no sidecar"
    assert await names(cluster) == ["whole"]
    assert await check_all_sidecars(ctx) == "1 pods with a sidecar"
    assert await remake_without_sidecar(ctx) == ""


async def test_a_pod_that_nobody_would_make_again_is_left() -> None:
    cluster = MemoryCluster()
    cluster.put(pod("alone"))
    with pytest.raises(GiveUp, match="1 pod asks"):
        await remake_without_sidecar(context(cluster))
    assert await names(cluster) == ["alone"]
