"""Pods that are older than what their Secrets hold, by the times that the API server wrote."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.hooks.context import GiveUp
from skill_runner.hooks.credentials import (
    CHANGED,
    check_fresh_pods,
    check_secret,
    ensure_token,
    last_change,
    replace_stale_pods,
    stale_pods,
)
from skill_runner.objects import Object, Ref
from skill_runner.testing import MemoryCluster
from tests.unit.hooks.test_dapr import context

LABELS, SECRETS = "app=web", ["db", "gone"]
# The clock of the cluster in memory begins with the first; a pod is made when it says so.
BEFORE, CHANGE, AFTER = (f"2023-11-14T22:13:2{n}Z" for n in range(3))


def written(*entries: tuple[str, str]) -> Object:
    """A Secret whose fields were written at these times."""
    managed = [{"time": time, "fieldsV1": {field: {}}} for field, time in entries]
    meta = {"name": "db", "namespace": "default", "managedFields": managed}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"uri": "cA=="}}


def test_labels_are_no_change_of_the_values() -> None:
    assert last_change(written(("f:data", BEFORE), ("f:metadata", AFTER))) == BEFORE
    assert last_change(written(("f:data", BEFORE), ("f:data", CHANGE))) == CHANGE
    assert last_change(written(("f:metadata", AFTER))) == "", "it is not known: nothing is stale"


class Dated(MemoryCluster):
    """A cluster whose Secret `db` was last written at a time of the test's."""

    async def get(self, ref: Ref) -> Object:
        if ref.name == "db":
            return written(("f:data", CHANGE))
        return await super().get(ref)


SPEC: Object = {"containers": [{"name": "c", "image": "example.org/c:1"}]}


def pod(name: str) -> Object:
    meta = {"name": name, "namespace": "default", "labels": {"app": "web"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": SPEC}


async def dated(*names: str, cluster: Dated | None = None) -> Dated:
    """A cluster with pods that were made one second after the other, from BEFORE on."""
    cluster = cluster or Dated()
    for name in names:
        await cluster.create(pod(name))
        await cluster.clock.sleep(1)
    return cluster


async def test_only_pods_of_before_the_change_are_stale() -> None:
    ctx = context(await dated("old", "same", "new"))
    assert dict(await stale_pods(ctx, LABELS, SECRETS)) == {"old": CHANGE}
    with pytest.raises(GiveUp, match=f"pod old .* changed at {CHANGE}") as failed:
        await check_fresh_pods(ctx, LABELS, SECRETS)
    assert failed.value.resource == "Pod default/old"
    assert await stale_pods(ctx, LABELS, ["gone"]) == {}


async def test_no_pod_is_replaced_without_need() -> None:
    ctx = context(await dated("old", "new"))
    await ctx.cluster.delete(Ref("v1", "Pod", "old", "default"))
    await check_fresh_pods(ctx, LABELS, SECRETS)
    assert await replace_stale_pods(ctx, "web", LABELS, SECRETS) == ""


DEPLOYMENT = Ref("apps/v1", "Deployment", "web", "default")


def deployment() -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": SPEC},
        },
    }


class RollingOut(Dated):
    """Its Deployment is rolled out as soon as its template is another."""

    async def apply(self, manifest: Object, **more: Any) -> Object:
        made = await super().apply(manifest, **more)
        await self.delete(Ref("v1", "Pod", "old", "default"))
        await dated("new", cluster=self)
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        generation = made["metadata"]["generation"]
        self.set_status(DEPLOYMENT, observedGeneration=generation, **dict.fromkeys(counts, 1))
        return made


async def test_stale_pods_are_replaced_by_a_change_of_their_template() -> None:
    cluster = await dated("old", cluster=RollingOut())
    await cluster.create(deployment())
    said = await replace_stale_pods(context(cluster), "web", LABELS, SECRETS, seconds=30)
    assert said.startswith("replaced 1 pods")
    template = (await cluster.get(DEPLOYMENT))["spec"]["template"]
    assert template["metadata"]["annotations"] == {CHANGED: CHANGE}
    assert template["spec"]["containers"][0]["image"] == "example.org/c:1"


async def test_pods_that_are_not_replaced_in_time_are_named_by_their_deployment() -> None:
    cluster = await dated("old")
    await cluster.create(deployment())
    with pytest.raises(GiveUp, match=f"{DEPLOYMENT} got no new pods.* within 5 s"):
        await replace_stale_pods(context(cluster), "web", LABELS, SECRETS, seconds=5)


async def test_a_secret_without_values_is_named_with_the_next_step() -> None:
    cluster = MemoryCluster()
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "a", "namespace": "default"},
    }
    await cluster.create(secret)
    for name in ("a", "gone"):
        with pytest.raises(GiveUp, match=f"Secret {name} .* missing or empty") as failed:
            await check_secret(context(cluster), name, hint="copy it")
        assert (failed.value.code, failed.value.hint) == ("CONFIG_MISSING", "copy it")
    assert await ensure_token(context(cluster), "a") == "generated token of Secret a"
    assert await ensure_token(context(cluster), "a") == "", "one that is there stays"
    await check_secret(context(cluster), "a", hint="copy it")
