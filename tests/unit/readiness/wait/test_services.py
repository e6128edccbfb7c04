"""Services that lead nowhere, and those that are to."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.objects import Object
from skill_runner.readiness.diagnosis.services import nearest
from skill_runner.readiness.wait import Expected, WaitResult
from tests.support.waiting import LABELS, World, running


@pytest.fixture
def world() -> World:
    return World()


def service(name: str = "web", port: Any = 80, **spec: Any) -> Object:
    ports = [{"port": 80, "targetPort": port}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIP": "10.0.0.1", "ports": ports, **spec},
    }


async def waited(
    world: World, *services: Object, ports: tuple[Object, ...] = (), env: str = "", **more: Any
) -> WaitResult:
    """A wait for a Deployment whose pod is ready, and for Services."""
    container = {"name": "c", "image": "example.org/web:1", "env": [{"name": "URL", "value": env}]}
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}
    expected = [await world.deploy(template=template, **more)]
    world.pod("web-1-a", running(), ports=list(ports))
    world.available(more.get("replicas", 1))
    expected += [Expected.of(s, await world.cluster.apply(s)) for s in services]
    return await world.wait(*expected)


@pytest.mark.parametrize(
    ("asked", "have", "found"),
    [
        ("wep", "web", True),
        ("web-app", "webapp", True),
        ("orders-service", "order-service", True),
        ("web", "worker", False),
        ("blue", "green", False),
        ("v1", "v2", False),
        ("api-v1", "api-v2", False),
    ],
)
def test_what_may_be_a_slip_of_the_pen(asked: str, have: str, found: bool) -> None:
    near = nearest({"app": asked, "tier": "front"}, {"web": {"app": have, "tier": "front"}})
    assert (near == ("web", f"app={have}")) is found


def slice_of(world: World, name: str) -> None:
    """What the controller makes of a Service that has the pod behind it."""
    meta = {
        "name": f"{name}-1",
        "namespace": "default",
        "labels": {"kubernetes.io/service-name": name},
    }
    endpoint = {"conditions": {"ready": True}, "targetRef": {"name": "web-1-a"}}
    version = "discovery.k8s.io/v1"
    made = {"apiVersion": version, "kind": "EndpointSlice", "metadata": meta}
    world.cluster.put({**made, "endpoints": [endpoint]})


async def test_a_selector_that_misses_by_a_value(world: World) -> None:
    result = await waited(world, service(selector={"app": "wep"}))
    assert result.problem is not None
    assert (result.problem.code, result.problem.resource) == (
        "RESOURCE_FAILED",
        "Service default/web",
    )
    assert result.problem.cause == (
        "Service web selects app=wep, which no pod has; Deployment web has app=web"
    )


async def test_a_port_by_a_name_that_no_container_has(world: World) -> None:
    slice_of(world, "web")
    found = service(port="http", selector={"app": "web"})
    result = await waited(world, found, ports=({"name": "web", "containerPort": 80},))
    assert result.problem is not None
    assert result.problem.cause == (
        "Service web sends to port http, which no container of its pods has (they have web)"
    )


@pytest.mark.parametrize("port", [8080, "8080", "web"])
async def test_a_port_that_may_be_there(world: World, port: Any) -> None:
    slice_of(world, "web")
    found = service(port=port, selector={"app": "web"})
    result = await waited(world, found, ports=({"name": "web", "containerPort": 80},))
    assert result.state == "ready", result.problem


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="without a selector: its endpoints are somebody's"),
        pytest.param({"clusterIP": "None", "selector": {"db": "x"}}, id="of pods of an operator"),
        pytest.param({"selector": {"app": "web", "role": "leader"}}, id="a label of running pods"),
        pytest.param({"selector": {"app": "worker"}}, id="a part that is left out"),
        pytest.param({"type": "ExternalName", "externalName": "a.example"}, id="a name outside"),
    ],
)
async def test_one_that_selects_no_pod_of_ours_on_purpose(world: World, spec: Object) -> None:
    result = await waited(world, service(**spec))
    assert result.state == "ready", result.problem


async def test_the_other_half_of_blue_and_green(world: World) -> None:
    slice_of(world, "web")
    active = service(selector={"app": "web"})
    result = await waited(world, active, service("preview", selector={"app": "web-green"}))
    assert result.state == "ready", result.problem


async def test_a_workload_that_is_scaled_to_zero_on_purpose(world: World) -> None:
    result = await waited(world, service(selector={"app": "web"}), replicas=0)
    assert result.state == "ready", result.problem


async def test_pods_of_somebody_else_are_behind_it(world: World) -> None:
    slice_of(world, "web")
    result = await waited(world, service(selector={"app": "theirs"}))
    assert result.state == "ready", result.problem


def ingress(name: str, port: Object) -> Object:
    backend = {"service": {"name": name, "port": port}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}]},
    }


@pytest.mark.parametrize("port", [{"number": 8080}, {"name": "http"}])
async def test_an_ingress_that_asks_for_a_port_that_its_service_does_not_have(
    world: World, port: Object
) -> None:
    slice_of(world, "web")
    result = await waited(world, service(selector={"app": "web"}), ingress("web", port))
    assert result.problem is not None
    assert result.problem.resource == "Ingress default/web"
    asked = next(iter(port.values()))
    assert result.problem.cause == (
        f"Ingress web sends to port {asked} of Service web, which has none such (it has 80)"
    )


@pytest.mark.parametrize(
    ("name", "port"),
    [
        pytest.param("web", {"number": 80}, id="its number"),
        pytest.param("theirs", {"number": 8080}, id="a Service of somebody else"),
        pytest.param("web", {"name": "use-annotation"}, id="the annotations say where (AWS)"),
    ],
)
async def test_an_ingress_that_may_lead_somewhere(world: World, name: str, port: Object) -> None:
    slice_of(world, "web")
    result = await waited(world, service(selector={"app": "web"}), ingress(name, port))
    assert result.state == "ready", result.problem


async def test_an_ingress_by_a_ports_name(world: World) -> None:
    slice_of(world, "web")
    found = service(selector={"app": "web"})
    found["spec"]["ports"][0]["name"] = "http"
    result = await waited(world, found, ingress("web", {"name": "http"}))
    assert result.state == "ready", result.problem


async def test_an_address_that_leads_to_no_port_is_a_note_and_no_failure(world: World) -> None:
    slice_of(world, "web")
    result = await waited(world, service(selector={"app": "web"}), env="http://web:8081")
    assert result.state == "ready"
    assert result.notes == (
        "Deployment default/web: variable URL names web:8081, and that Service has no such port"
        " (it has 80)",
    )
