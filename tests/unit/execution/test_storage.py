"""Which claims are refused before anything is changed."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.execution.storage import unbindable
from skill_runner.objects import Object, Ref
from skill_runner.testing import FakeClock, MemoryCluster


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster(FakeClock())


def claim(**spec: Any) -> Object:
    meta = {"name": "data", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}


def storage_class(name: str, **notes: str) -> Object:
    meta = {"name": name, "annotations": notes}
    return {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": meta}


def volume(of_class: str) -> Object:
    spec = {"storageClassName": of_class}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "nfs"},
        "spec": spec,
    }


def stateful(**spec: Any) -> Object:
    template = {"metadata": {"name": "data"}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {"volumeClaimTemplates": [template]},
    }


@pytest.mark.parametrize("manifest", [claim(storageClassName="x"), stateful(storageClassName="x")])
async def test_a_class_that_does_not_exist(cluster: MemoryCluster, manifest: Object) -> None:
    cluster.put(storage_class("fast"))
    found = await unbindable(cluster, [manifest])
    assert found is not None
    assert found.owner == str(Ref.of(manifest))
    assert (found.why, found.classes) == ("StorageClass x does not exist", ("fast",))


async def test_no_class_and_no_default(cluster: MemoryCluster) -> None:
    found = await unbindable(cluster, [claim()])
    assert found is not None
    assert found.why == "no default StorageClass in this cluster"


async def test_a_default(cluster: MemoryCluster) -> None:
    cluster.put(storage_class("fast", **{"storageclass.kubernetes.io/is-default-class": "true"}))
    assert await unbindable(cluster, [claim()]) is None


async def test_a_class_that_comes_with_the_chart(cluster: MemoryCluster) -> None:
    assert await unbindable(cluster, [claim(storageClassName="x"), storage_class("x")]) is None


async def test_a_class_that_only_marks_volumes(cluster: MemoryCluster) -> None:
    """Static volumes, of NFS or a local disk: their class is a word, and no object."""
    assert await unbindable(cluster, [claim(storageClassName="x"), volume("x")]) is None
    cluster.put(volume("y"))
    assert await unbindable(cluster, [claim(storageClassName="y")]) is None


async def test_a_volume_by_its_name(cluster: MemoryCluster) -> None:
    assert await unbindable(cluster, [claim(storageClassName="x", volumeName="v")]) is None


@pytest.mark.parametrize("manifest", [claim(storageClassName="x"), stateful(storageClassName="x")])
async def test_a_claim_that_is_bound_outlives_its_class(
    cluster: MemoryCluster, manifest: Object
) -> None:
    name = "data" if manifest["kind"] != "StatefulSet" else "data-db-0"
    bound = {**claim(storageClassName="x"), "status": {"phase": "Bound"}}
    cluster.put({**bound, "metadata": {"name": name, "namespace": "default"}})
    assert await unbindable(cluster, [manifest]) is None


@pytest.mark.parametrize("kind", ["StorageClass", "PersistentVolume"])
async def test_where_nobody_may_look_nothing_is_refused(cluster: MemoryCluster, kind: str) -> None:
    cluster.deny("list", kind)
    assert await unbindable(cluster, [claim(storageClassName="x")]) is None
