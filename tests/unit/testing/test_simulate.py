"""The controllers in memory, seen as the rest of the package sees a cluster."""

from __future__ import annotations

import pytest

from skill_runner.objects import Object, Ref
from skill_runner.readiness.status import compute
from skill_runner.testing import FakeClock, Fate, MemoryCluster, simulate
from tests.contract.objects import deployment

WEB = Ref("apps/v1", "Deployment", "web", "default")


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster(FakeClock())


def names(cluster: MemoryCluster, kind: str) -> list[str]:
    return [o["metadata"]["name"] for o in cluster.store.select(lambda r, _: r.kind == kind)]


def state(cluster: MemoryCluster, ref: Ref) -> str:
    return compute(cluster.store.get(ref)).state


def service() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }


def job() -> Object:
    spec = {"containers": [{"name": "c", "image": "x"}], "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once", "namespace": "default"},
        "spec": {"template": {"spec": spec}},
    }


async def test_a_deployment_becomes_ready_in_its_time(cluster: MemoryCluster) -> None:
    simulate(cluster, {"Deployment/web": Fate(after=30)})
    await cluster.apply(service())
    await cluster.apply(deployment("default", replicas=2))
    await cluster.clock.sleep(29)
    assert state(cluster, WEB) == "progressing"
    await cluster.clock.sleep(2)
    assert state(cluster, WEB) == "ready"
    assert len(names(cluster, "Pod")) == 2
    (endpoints,) = cluster.store.select(lambda ref, _: ref.kind == "EndpointSlice")
    assert [e["conditions"]["ready"] for e in endpoints["endpoints"]] == [True, True]
    await cluster.close()


async def test_a_rollout_replaces_the_pods_once_the_new_ones_are_ready(
    cluster: MemoryCluster,
) -> None:
    simulation = simulate(cluster)
    await cluster.apply(deployment("default", replicas=1))
    await cluster.clock.sleep(1)
    old = names(cluster, "Pod")
    simulation.fates["Deployment/web"] = Fate(reason="ErrImagePull", message="not found")
    await cluster.apply(deployment("default", replicas=1, image="app:2"))
    await cluster.clock.sleep(1)
    assert state(cluster, WEB) == "progressing"
    assert set(old) < set(names(cluster, "Pod"))
    simulation.fates.clear()
    await simulation.settle(WEB)
    assert state(cluster, WEB) == "ready"
    assert not set(old) & set(names(cluster, "Pod"))
    assert len(names(cluster, "ReplicaSet")) == 2
    await cluster.close()


async def test_what_is_deleted_takes_its_pods_along(cluster: MemoryCluster) -> None:
    simulate(cluster)
    await cluster.apply(deployment("default", replicas=3))
    await cluster.clock.sleep(1)
    await cluster.delete(WEB)
    assert names(cluster, "Pod") == names(cluster, "ReplicaSet") == []
    await cluster.close()


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
async def test_sets_become_ready(cluster: MemoryCluster, kind: str) -> None:
    simulate(cluster)
    manifest = {**deployment("default", replicas=1), "kind": kind}
    await cluster.apply(manifest)
    await cluster.clock.sleep(1)
    assert state(cluster, Ref.of(manifest)) == "ready"
    await cluster.close()


@pytest.mark.parametrize(
    ("fate", "expected"),
    [(Fate(), "ready"), (Fate(reason="Error", exit_code=3), "failed")],
)
async def test_jobs_end(cluster: MemoryCluster, fate: Fate, expected: str) -> None:
    simulate(cluster, {"Job/once": fate})
    await cluster.apply(job())
    await cluster.clock.sleep(1)
    assert state(cluster, Ref.of(job())) == expected
    await cluster.close()


async def test_claims_are_bound(cluster: MemoryCluster) -> None:
    simulate(cluster)
    claim = await cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "default"},
            "spec": {"resources": {"requests": {"storage": "1Gi"}}},
        }
    )
    assert state(cluster, Ref.of(claim)) == "ready"


async def test_a_pod_without_a_place(cluster: MemoryCluster) -> None:
    simulate(cluster, {"Deployment/web": Fate(reason="Unschedulable", message="0/1 nodes")})
    await cluster.apply(deployment("default", replicas=1))
    await cluster.clock.sleep(1)
    (pod,) = cluster.store.select(lambda ref, _: ref.kind == "Pod")
    assert pod["status"]["conditions"][0]["message"] == "0/1 nodes"
    await cluster.close()
