"""The one decision of what is data: each kind, each way to hold it, on each occasion."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.installations.data import Occasion, reason_to_keep, volumes_under
from skill_runner.objects import Object, Ref
from skill_runner.testing import FakeClock, MemoryCluster
from tests.support.definitions import definition

CLAIM = Ref("v1", "PersistentVolumeClaim", "data", "default")
ALL = set(Occasion)
NEVER: set[Occasion] = set()
SPARING = {Occasion.CHANGE, Occasion.REMOVAL}


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster(FakeClock())


def put(cluster: MemoryCluster, api_version: str, kind: str, name: str, **more: Any) -> Object:
    meta = {"name": name, "namespace": "default", **more.pop("meta", {})}
    return cluster.put({"apiVersion": api_version, "kind": kind, "metadata": meta, **more})


def owned(by: Object) -> dict[str, Any]:
    reference = {
        "apiVersion": by["apiVersion"],
        "kind": by["kind"],
        "name": by["metadata"]["name"],
        "uid": by["metadata"]["uid"],
    }
    return {"ownerReferences": [reference]}


async def kept_on(cluster: MemoryCluster, live: Object) -> set[Occasion]:
    return {each for each in Occasion if await reason_to_keep(cluster, live, each)}


@pytest.mark.parametrize(
    ("api_version", "kind", "notes", "expected"),
    [
        ("v1", "ConfigMap", {}, NEVER),
        ("v1", "PersistentVolumeClaim", {}, SPARING),
        ("v1", "PersistentVolume", {}, SPARING),
        ("v1", "Namespace", {}, ALL),
        ("v1", "Secret", {"helm.sh/resource-policy": "keep"}, SPARING),
        ("v1", "Secret", {"helm.sh/resource-policy": "other"}, NEVER),
        ("v1", "Secret", {"skill-runner.dev/left-out": "keep"}, {Occasion.CHANGE}),
        ("apps/v1", "StatefulSet", {}, NEVER),
    ],
)
async def test_kinds_and_marks(
    cluster: MemoryCluster,
    api_version: str,
    kind: str,
    notes: dict[str, str],
    expected: set[Occasion],
) -> None:
    live = put(cluster, api_version, kind, "one", meta={"annotations": notes})
    assert await kept_on(cluster, live) == expected


async def test_what_owns_a_claim_through_others_stays_in_a_change(cluster: MemoryCluster) -> None:
    top = put(cluster, "v1", "ConfigMap", "top")
    middle = put(cluster, "apps/v1", "StatefulSet", "middle", meta=owned(top))
    put(cluster, "v1", "PersistentVolumeClaim", "data", meta=owned(middle))
    assert list(await volumes_under(cluster, top)) == [CLAIM]
    assert await kept_on(cluster, top) == {Occasion.CHANGE}
    assert await kept_on(cluster, put(cluster, "v1", "ConfigMap", "other")) == NEVER


@pytest.mark.parametrize("volume", [{"ephemeral": {}}, {"persistentVolumeClaim": {}}])
async def test_a_generic_ephemeral_volume_is_no_data(
    cluster: MemoryCluster, volume: dict[str, Any]
) -> None:
    spec = {"containers": [], "volumes": [{"name": "scratch", **volume}]}
    pod = put(cluster, "v1", "Pod", "web", spec=spec)
    claim = put(cluster, "v1", "PersistentVolumeClaim", "web-scratch", meta=owned(pod))
    ephemeral = "ephemeral" in volume
    assert await kept_on(cluster, claim) == (NEVER if ephemeral else SPARING)
    assert bool(await volumes_under(cluster, pod)) is not ephemeral


async def test_a_definition_goes_with_a_purge_when_nobody_uses_it(cluster: MemoryCluster) -> None:
    crd = await cluster.create(definition("example.org", "Thing"))
    assert await kept_on(cluster, crd) == SPARING
    put(cluster, "example.org/v1", "Thing", "strangers")
    assert await kept_on(cluster, crd) == ALL
