"""Dapr sidecars in a wait: one that is missing, and a component that one has not loaded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from skill_runner.objects import Object, Ref
from skill_runner.readiness.diagnosis import DEFAULT_POLICY
from skill_runner.readiness.wait import WaitResult, look_once
from tests.support.waiting import World, running

ASKS: Object = {"annotations": {"dapr.io/enabled": "true"}}
DAPRD: Object = {
    "name": "daprd",
    "args": ["/daprd", "--dapr-public-port", "3599", "--app-id", "web"],
}


@pytest.fixture
def world() -> World:
    return World()


def pod(world: World, name: str, *, sidecar: bool, of: str = "web-1", **meta: Any) -> Object:
    """A ready pod that asks for a sidecar."""
    made = world.pod(name, running(), of=of)
    more = [DAPRD] if sidecar else []
    return world.cluster.put(
        {
            **made,
            "metadata": {**made["metadata"], **ASKS, **meta},
            "spec": {"containers": [*made["spec"]["containers"], *more]},
        }
    )


async def wait_while(world: World, happens: Callable[[], Coroutine[Any, Any, None]]) -> WaitResult:
    expected = await world.deploy()
    async with asyncio.TaskGroup() as group:
        group.create_task(happens())
        return await world.wait(expected)


async def test_a_deployment_that_only_lacks_a_sidecar_is_not_ready(world: World) -> None:
    async def later() -> None:
        pod(world, "web-1-a", sidecar=False)
        world.available()

    result = await wait_while(world, later)
    assert result.state == "failed"
    assert result.problem is not None
    assert result.problem.code == "SIDECAR_MISSING"
    assert result.problem.resource == "Pod default/web-1-a"
    said = [v.message for ref, v in result.verdicts if ref.kind == "Deployment"]
    assert said == ["0 of 1 pods have their Dapr sidecar"]
    assert result.problem.next[0].run == "skill run dapr-k8s-setup"
    assert 20 <= result.seconds < 22


async def test_the_watchdog_may_make_the_pod_again(world: World) -> None:
    async def later() -> None:
        pod(world, "web-1-a", sidecar=False)
        world.available()
        await world.clock.sleep(12)
        await world.cluster.delete(Ref("v1", "Pod", "web-1-a", "default"))
        world.available(0)
        await world.clock.sleep(3)
        pod(world, "web-1-b", sidecar=True)
        world.available()

    result = await wait_while(world, later)
    assert result.state == "ready"
    assert result.seconds == pytest.approx(15, abs=1.5)


async def test_a_pod_of_an_older_revision_fails_nothing(world: World) -> None:
    async def later() -> None:
        pod(world, "web-1-a", sidecar=False)
        world.replica_set("web-2", revision=2)
        pod(world, "web-2-a", sidecar=True, of="web-2")
        world.available()

    assert (await wait_while(world, later)).state == "ready"


def metadata_of(*components: str) -> Callable[..., Awaitable[None]]:
    """A sidecar's answer to any request."""
    body = json.dumps({"id": "web", "components": [{"name": name} for name in components]})

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()
        writer.close()

    return answer


def definition() -> Object:
    """Of the kind Component."""
    names = {"kind": "Component", "plural": "components", "singular": "component"}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "components.dapr.io"},
        "spec": {"group": "dapr.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def component(name: str, *, namespace: str = "default", scopes: Any = None, **spec: Any) -> Object:
    more = {"scopes": scopes} if scopes is not None else {}
    return {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "x", **spec},
        **more,
    }


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ([component("events")], "component events is"),
        ([component("events"), component("state")], "components events, state are"),
        ([component("events", scopes=["web"])], "component events is"),
        ([component("events", scopes=["other"])], ""),
        ([component("events", ignoreErrors=True)], ""),
        ([component("events", namespace="kube-system")], ""),
        ([component("kept")], ""),
        ([], ""),
    ],
)
async def test_a_component_that_the_sidecar_lacks(
    world: World, there: list[Object], missing: str
) -> None:
    expected = await world.deploy()
    pod(world, "web-1-a", sidecar=True)
    world.available()
    world.cluster.put(definition())
    for one in there:
        world.cluster.put(one)
    world.cluster.on_connect("default", "web-1-a", 3599, metadata_of("kept"))
    seen = await look_once(world.cluster, world.clock, [expected], policy=DEFAULT_POLICY)
    if not missing:
        assert seen.state == "ready", seen.problem
        return
    assert seen.problem is not None
    assert seen.problem.code == "COMPONENT_NOT_LOADED"
    assert seen.problem.cause == f"Dapr {missing} not loaded by the sidecar of pod web-1-a"
    assert seen.problem.resource == "Pod default/web-1-a container daprd"


async def test_a_sidecar_that_nobody_may_ask_is_believed(world: World) -> None:
    expected = await world.deploy()
    pod(world, "web-1-a", sidecar=True)
    world.available()
    world.cluster.put(definition())
    world.cluster.put(component("events"))
    assert (await world.wait(expected)).state == "ready"
