"""Definitions of a chart's crds/ folder: applied, completed by operators, kept, purged."""

from __future__ import annotations

import pytest

from skill_runner.backends.base import Right
from skill_runner.errors import StepFailed
from skill_runner.installations import store
from skill_runner.installations.crds import CRD, apply_definitions, look_at_all, remove_definitions
from skill_runner.installations.record import Record
from skill_runner.objects import Object, Ref
from skill_runner.plan import Installation
from skill_runner.testing import MemoryCluster

HERE = Installation("dapr-system", "dapr-k8s-setup")
REF = Ref(*CRD, "components.dapr.io")


def definition(**spec: object) -> Object:
    names = {"kind": "Component", "plural": "components"}
    versions = [{"name": "v1alpha1", "served": True, "storage": True}]
    return {
        "apiVersion": CRD[0],
        "kind": CRD[1],
        "metadata": {"name": REF.name},
        "spec": {
            "group": "dapr.io",
            "names": names,
            "scope": "Namespaced",
            "versions": versions,
            **spec,
        },
    }


async def apply(
    cluster: MemoryCluster, wanted: Object, us: Installation = HERE, *, adopt: bool = False
) -> list[Ref]:
    looked = await look_at_all(cluster, [wanted], us)
    return list(await apply_definitions(cluster, [wanted], looked, us, adopt=adopt))


async def remove(
    cluster: MemoryCluster, us: Installation, *, purge: bool
) -> tuple[list[Ref], list[Ref]]:
    target = Record(installation=us, skill="s", version="1.0.0", inputs={})
    deleted, kept = await remove_definitions(cluster, target, purge=purge)
    return [each.ref for each in deleted], list(kept)


def webhook(namespace: str, **more: str) -> Object:
    return {
        "strategy": "Webhook",
        "webhook": {
            "clientConfig": {"service": {"namespace": namespace, "name": "dapr-webhook"}, **more}
        },
    }


async def test_what_is_missing_or_different_is_applied() -> None:
    cluster = MemoryCluster()
    assert await apply(cluster, definition()) == [REF]
    assert await apply(cluster, definition()) == []
    newer = definition(scope="Cluster")
    assert await apply(cluster, newer) == [REF]
    assert (await cluster.get(REF))["spec"]["scope"] == "Cluster"


async def test_where_an_operator_serves_its_conversion_stays() -> None:
    cluster = MemoryCluster()
    wanted = definition(conversion=webhook("replaceme"))
    await apply(cluster, wanted)
    live = await cluster.get(REF)
    live["spec"]["conversion"] = webhook("dapr-system", caBundle="Q0E=")
    await cluster.replace(live)
    await apply(cluster, definition(conversion=webhook("replaceme"), scope="Cluster"))
    config = (await cluster.get(REF))["spec"]["conversion"]["webhook"]["clientConfig"]
    assert config["service"]["namespace"] == "dapr-system"


async def test_they_are_kept_like_volumes_and_while_they_are_used() -> None:
    cluster = MemoryCluster()
    await apply(cluster, definition())
    assert await remove(cluster, HERE, purge=False) == ([], [REF])
    component = Ref("dapr.io/v1alpha1", "Component", "pubsub", "shop")
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    await cluster.apply(
        {
            "apiVersion": component.api_version,
            "kind": "Component",
            "metadata": {"name": "pubsub", "namespace": "shop"},
            "spec": {},
        }
    )
    assert await remove(cluster, HERE, purge=True) == ([], [REF])
    await cluster.delete(component)
    other = Installation("other", "dapr-k8s-setup")
    assert await remove(cluster, other, purge=True) == ([], [])
    assert await remove(cluster, HERE, purge=True) == ([REF], [])


async def test_one_whose_storage_version_is_not_served_may_hold_objects() -> None:
    cluster = MemoryCluster()
    versions = [
        {"name": "v1", "served": True, "storage": False},
        {"name": "v2", "served": False, "storage": True},
    ]
    await apply(cluster, definition(versions=versions))
    component = {
        "apiVersion": "dapr.io/v1",
        "kind": "Component",
        "spec": {},
        "metadata": {"name": "pubsub", "namespace": "default"},
    }
    await cluster.create(component)
    assert await remove(cluster, HERE, purge=True) == ([], [REF])
    await cluster.delete(Ref.of(component))
    assert await remove(cluster, HERE, purge=True) == ([REF], [])


async def test_one_of_which_nothing_is_served_is_kept() -> None:
    cluster = MemoryCluster()
    await apply(cluster, definition(versions=[{"name": "v2", "served": False, "storage": True}]))
    assert await remove(cluster, HERE, purge=True) == ([], [REF])


@pytest.mark.parametrize("adopt", [False, True])
async def test_one_that_somebody_else_made_is_changed_only_when_adopted(adopt: bool) -> None:
    cluster = MemoryCluster()
    before = await cluster.create(definition())
    assert await apply(cluster, definition()) == [], "it is as wanted"
    assert await cluster.get(REF) == before
    wanted = definition(scope="Cluster")
    if adopt:
        assert await apply(cluster, wanted, adopt=True) == [REF]
        assert await remove(cluster, HERE, purge=False) == ([], [REF])
        return
    with pytest.raises(StepFailed, match=f"{REF} exists and belongs to"):
        await apply(cluster, wanted)
    assert await cluster.get(REF) == before
    assert await remove(cluster, HERE, purge=True) == ([], [])


async def test_one_of_an_installation_that_is_gone_is_taken_over() -> None:
    cluster = MemoryCluster()
    gone = Installation("default", "dapr-k8s-setup")
    await apply(cluster, definition(), gone)
    assert await apply(cluster, definition(scope="Cluster")) == [REF]
    assert await remove(cluster, gone, purge=True) == ([], [])


async def test_one_of_another_installation_stays_its_own() -> None:
    cluster = MemoryCluster()
    other = Installation("default", "dapr-k8s-setup")
    await store.write(
        cluster, Record(installation=other, skill="dapr-k8s-setup", version="1.0.0", inputs={})
    )
    await apply(cluster, definition(), other)
    before = await cluster.get(REF)
    with pytest.raises(StepFailed, match="belongs to installation default/dapr-k8s-setup"):
        await apply(cluster, definition(scope="Cluster"))
    assert await cluster.get(REF) == before


async def test_where_nobody_may_look_for_objects_the_definition_stays() -> None:
    cluster = MemoryCluster()
    await apply(cluster, definition())
    verbs = [
        Right(verb, "apiextensions.k8s.io", "customresourcedefinitions")
        for verb in ("get", "list", "delete")
    ]
    cluster.grant(verbs)
    assert await remove(cluster, HERE, purge=True) == ([], [REF])
