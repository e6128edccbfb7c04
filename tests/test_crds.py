"""Definitions of a chart's crds/ folder: applied, completed by operators, kept, purged."""

from __future__ import annotations

from skill_runner.backends.base import Object, Ref
from skill_runner.backends.memory import MemoryCluster
from skill_runner.crds import CRD, apply_definitions, remove_definitions
from skill_runner.plan import Installation

HERE = Installation("dapr-system", "dapr-k8s-setup")
REF = Ref(*CRD, "components.dapr.io")


def definition(**spec: object) -> Object:
    names = {"kind": "Component", "plural": "components"}
    versions = [{"name": "v1alpha1", "served": True, "storage": True}]
    return {
        "apiVersion": CRD[0], "kind": CRD[1], "metadata": {"name": REF.name},
        "spec": {"group": "dapr.io", "names": names, "scope": "Namespaced", "versions": versions,
                 **spec},
    }  # fmt: skip


def webhook(namespace: str, **more: str) -> Object:
    return {"strategy": "Webhook", "webhook": {
        "clientConfig": {"service": {"namespace": namespace, "name": "dapr-webhook"}, **more},
    }}  # fmt: skip


async def test_what_is_missing_or_different_is_applied() -> None:
    cluster = MemoryCluster()
    assert await apply_definitions(cluster, (definition(),), HERE) == (REF,)
    assert await apply_definitions(cluster, (definition(),), HERE) == ()
    newer = definition(scope="Cluster")
    assert await apply_definitions(cluster, (newer,), HERE) == (REF,)
    assert (await cluster.get(REF))["spec"]["scope"] == "Cluster"


async def test_where_an_operator_serves_its_conversion_stays() -> None:
    cluster = MemoryCluster()
    wanted = definition(conversion=webhook("replaceme"))
    await apply_definitions(cluster, (wanted,), HERE)
    live = await cluster.get(REF)
    live["spec"]["conversion"] = webhook("dapr-system", caBundle="Q0E=")
    await cluster.replace(live)
    await apply_definitions(
        cluster, (definition(conversion=webhook("replaceme"), scope="Cluster"),), HERE
    )
    config = (await cluster.get(REF))["spec"]["conversion"]["webhook"]["clientConfig"]
    assert config["service"]["namespace"] == "dapr-system"


async def test_they_are_kept_like_volumes_and_while_they_are_used() -> None:
    cluster = MemoryCluster()
    await apply_definitions(cluster, (definition(),), HERE)
    assert await remove_definitions(cluster, HERE, purge=False) == ((), (REF,))
    component = Ref("dapr.io/v1alpha1", "Component", "pubsub", "shop")
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    await cluster.apply(
        {"apiVersion": component.api_version, "kind": "Component",
         "metadata": {"name": "pubsub", "namespace": "shop"}, "spec": {}}
    )  # fmt: skip
    assert await remove_definitions(cluster, HERE, purge=True) == ((), (REF,))
    await cluster.delete(component)
    other = Installation("other", "dapr-k8s-setup")
    assert await remove_definitions(cluster, other, purge=True) == ((), ())
    assert await remove_definitions(cluster, HERE, purge=True) == ((REF,), ())
