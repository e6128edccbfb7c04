"""Differences from what an installation made: who changed which field, and what was added."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.errors import ApiError
from skill_runner.installations.drift import Change, compare, find_changes
from skill_runner.objects import Object, Ref
from skill_runner.testing import FakeClock, MemoryCluster

WEB = Ref("apps/v1", "Deployment", "web", "shop")


def web(image: str = "web:1", **spec: Any) -> Object:
    container = {"name": "app", "image": image, "env": [{"name": "MODE", "value": "a"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [container]}}, **spec},
    }


@pytest.fixture
async def cluster() -> MemoryCluster:
    cluster = MemoryCluster(FakeClock())
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    await cluster.apply(web())
    return cluster


async def _found(cluster: MemoryCluster) -> list[tuple[str, str, str, str, str]]:
    writes = len(cluster.writes)
    changes = await find_changes(cluster, [web()], "shop")
    assert len(cluster.writes) == writes, "it only asks"
    assert {each.resource for each in changes} <= {"Deployment shop/web"}
    return [(c.kind, c.field, c.made, c.live, c.who) for c in changes]


async def test_what_stands_as_it_was_made_differs_in_nothing(cluster: MemoryCluster) -> None:
    assert await _found(cluster) == []


async def test_a_value_that_somebody_changed(cluster: MemoryCluster) -> None:
    def change(obj: Object) -> None:
        obj["spec"]["replicas"] = 0
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"

    cluster.edit(WEB, change, by="kubectl-edit")
    found = {(kind, field, made, live) for kind, field, made, live, _ in await _found(cluster)}
    image = "spec.template.spec.containers[name=app].image"
    assert found == {("changed", "spec.replicas", "2", "0"), ("changed", image, "web:1", "web:2")}


async def test_a_field_that_somebody_took_away(cluster: MemoryCluster) -> None:
    def change(obj: Object) -> None:
        del obj["metadata"]["labels"]["app"]

    cluster.edit(WEB, change)
    ((kind, field, made, live, _),) = await _found(cluster)
    assert (kind, field, made, live) == ("changed", "metadata.labels.app", "web", "nothing")


async def test_a_deleted_object(cluster: MemoryCluster) -> None:
    await cluster.delete(WEB)
    assert await _found(cluster) == [("deleted", "", "", "", "")]


async def test_an_object_that_the_api_would_not_take_back(cluster: MemoryCluster) -> None:
    cluster.fail("apply", ApiError("field is immutable", status=422))
    ((kind, _, _, live, _),) = await _found(cluster)
    assert kind == "changed"
    assert live == "the API refuses our own manifest: “field is immutable”"


def _live(manager: str, fields: Object, **more: Any) -> Object:
    entry = {"manager": manager, "operation": "Update", "time": "2027-01-02", "fieldsV1": fields}
    meta = {"name": "web", "namespace": "shop", "managedFields": [{**entry, **more}]}
    spec = {"paused": True, "containers": [{"name": "app", "env": [{"name": "X", "value": "y"}]}]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


ADDED: Object = {
    "f:spec": {"f:containers": {'k:{"name":"app"}': {"f:env": {'k:{"name":"X"}': {"f:value": {}}}}}}
}


def test_a_field_that_somebody_added_beside_ours() -> None:
    live = _live("kubectl-set", ADDED)
    assert list(compare("Deployment shop/web", live, live)) == [
        Change(
            resource="Deployment shop/web",
            kind="added",
            field="spec.containers[name=app].env[name=X].value",
            live="y",
            who="kubectl-set",
            when="2027-01-02",
        )
    ]


@pytest.mark.parametrize(
    "manager", ["kube-controller-manager", "helm", "skill-runner", "istio-injector"]
)
def test_controllers_add_fields_rightly(manager: str) -> None:
    live = _live(manager, ADDED)
    assert list(compare("Deployment shop/web", live, live)) == []


def test_a_status_and_a_restart() -> None:
    live = _live("somebody", ADDED, subresource="status")
    assert list(compare("x", live, live)) == []
    live = _live("kubectl-rollout", ADDED)
    assert [change.kind for change in compare("x", live, live)] == ["restarted"]


def test_values_of_secrets_are_never_shown() -> None:
    def secret(value: str) -> Object:
        live = _live("kubectl-edit", {"f:data": {"f:other": {}}})
        return {**live, "kind": "Secret", "data": {"password": value, "other": "aHVudGVyMg=="}}

    changes = list(compare("Secret shop/web", secret("bmV3"), secret("b2xk")))
    assert [change.field for change in changes] == ["data.password", "data.other"]
    assert "bmV3" not in str(changes)
    assert "b2xk" not in str(changes)
    assert "aHVudGVyMg" not in str(changes)
