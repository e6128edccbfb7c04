"""The wait against a cluster in memory: when it ends, and with what."""

from __future__ import annotations

import asyncio

import pytest

from skill_runner.objects import Ref
from skill_runner.progress import Awaiting
from skill_runner.readiness.wait import Expected
from skill_runner.skill.model import WaitRule
from tests.support.waiting import World, running, waiting

NOT_FOUND = (
    'failed to pull and unpack image "example.org/web:1": failed to resolve reference '
    '"example.org/web:1": example.org/web:1: not found'
)


@pytest.fixture
def world() -> World:
    return World()


async def test_ready_as_soon_as_the_controller_says_so(world: World) -> None:
    expected = await world.deploy()

    async def later() -> None:
        await world.clock.sleep(7)
        world.pod("web-1-a", running())
        world.available()

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected)
    assert result.state == "ready"
    assert result.seconds == pytest.approx(7, abs=0.1)


async def test_a_missing_image_ends_it_at_first_sight(world: World) -> None:
    expected = await world.deploy()
    world.pod("web-1-a", waiting("ErrImagePull", NOT_FOUND))
    result = await world.wait(expected)
    assert result.state == "failed"
    assert result.problem is not None
    assert result.problem.code == "IMAGE_NOT_FOUND"
    assert result.problem.resource == "Pod default/web-1-a container c"
    assert result.problem.cause == "image example.org/web:1 does not exist"
    assert result.seconds < 2
    assert [s.container for s in result.suspects] == ["c"]


async def test_an_unreachable_registry_needs_two_sightings(world: World) -> None:
    expected = await world.deploy()
    message = "dial tcp: lookup example.org: no such host"
    world.pod("web-1-a", waiting("ErrImagePull", message))

    async def later() -> None:
        await world.clock.sleep(1)
        world.pod("web-1-a", waiting("ImagePullBackOff", f"Back-off: ErrImagePull: {message}"))
        await world.clock.sleep(12)
        world.pod("web-1-a", waiting("ErrImagePull", message))

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected)
    assert result.problem is not None
    assert result.problem.code == "REGISTRY_UNREACHABLE"
    assert result.seconds == pytest.approx(13, abs=0.5)


async def test_pods_of_an_older_revision_never_count(world: World) -> None:
    expected = await world.deploy()
    world.pod("web-1-a", waiting("ErrImagePull", NOT_FOUND))
    world.replica_set("web-2", revision=2)
    world.pod("web-2-a", running(), of="web-2")

    async def later() -> None:
        await world.clock.sleep(5)
        world.available()

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected)
    assert result.state == "ready"


async def test_unrelated_pods_change_nothing_that_is_asked(world: World) -> None:
    expected = await world.deploy()
    world.pod("web-1-a", running())
    world.available()
    await world.wait(expected)
    before = len(world.cluster.requests)
    for number in range(500):
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"other-{number}", "namespace": "default"},
            "status": waiting("CrashLoopBackOff", restarts=9),
        }
        world.cluster.put(pod)
    world.cluster.requests.clear()
    result = await world.wait(expected)
    assert result.state == "ready"
    assert len(world.cluster.requests) <= before


async def test_the_stability_window_starts_anew_after_a_restart(world: World) -> None:
    expected = await world.deploy()
    world.pod("web-1-a", running())
    world.available()

    async def later() -> None:
        await world.clock.sleep(2)
        world.pod("web-1-a", running(restarts=1))

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected, stability=3)
    assert result.state == "ready"
    assert result.seconds == pytest.approx(12, abs=0.5)


async def test_too_late_names_what_is_not_ready(world: World) -> None:
    expected = await world.deploy()
    result = await world.wait(expected, timeout=20)
    assert result.state == "late"
    assert result.problem is not None
    assert result.problem.code == "NOT_READY_IN_TIME"
    assert result.problem.resource == "Deployment default/web"


async def test_a_service_waits_for_its_endpoints(world: World) -> None:
    expected = await world.deploy()
    world.pod("web-1-a", running())
    world.available()
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "clusterIP": "10.0.0.1"},
    }
    world.cluster.put(service)

    async def later() -> None:
        await world.clock.sleep(4)
        world.cluster.put(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": "web-x",
                    "namespace": "default",
                    "labels": {"kubernetes.io/service-name": "web"},
                },
                "endpoints": [{"conditions": {"ready": True}, "targetRef": {"name": "web-1-a"}}],
            }
        )

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected, Expected(ref=Ref.of(service)))
    assert result.state == "ready"
    assert result.seconds == pytest.approx(4, abs=0.2)


async def test_a_service_without_endpoints_is_named(world: World) -> None:
    expected = await world.deploy()
    world.pod("web-1-a", running())
    world.available()
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "clusterIP": "10.0.0.1"},
    }
    world.cluster.put(service)
    result = await world.wait(expected, Expected(ref=Ref.of(service)))
    assert result.problem is not None
    assert result.problem.resource == "Service default/web"


async def test_what_a_rule_leaves_out_is_noted(world: World) -> None:
    thing = Ref("example.org/v1", "Thing", "x", "default")
    rule = WaitRule(api_version=thing.api_version, kind="Thing", name="x", skip="optional")
    result = await world.wait(Expected(ref=thing), rules=(rule,))
    assert result.state == "ready"
    assert result.notes == ("Thing default/x: not awaited: optional",)


async def test_an_object_that_is_made_later_is_awaited_by_a_rule(world: World) -> None:
    rule = WaitRule(
        api_version="v1",
        kind="ConfigMap",
        name="late",
        namespace="default",
        jsonpath=".data.done",
        value="yes",
    )

    async def later() -> None:
        await world.clock.sleep(5)
        world.cluster.put(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "late", "namespace": "default"},
                "data": {"done": "yes"},
            }
        )

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(rules=(rule,))
    assert result.state == "ready"
    assert result.seconds == pytest.approx(5, abs=0.1)


async def test_a_kind_that_comes_later_is_awaited(world: World) -> None:
    rule = WaitRule(
        api_version="example.org/v1", kind="Thing", name="x", namespace="default", condition="Ready"
    )
    result = await world.wait(rules=(rule,), timeout=10)
    assert result.state == "late"
    assert result.problem is not None
    assert "does not serve Thing" in result.problem.cause


@pytest.mark.parametrize(("takes", "warned"), [(4, False), (30, True)])
async def test_a_first_look_that_takes_a_moment_is_no_reason_to_warn(
    world: World, takes: float, warned: bool
) -> None:
    expected = await world.deploy()
    thing = {
        "apiVersion": "example.org/v1",
        "kind": "Thing",
        "metadata": {"name": "x", "namespace": "default"},
        "spec": {},
    }
    world.cluster.put(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "things.example.org"},
            "spec": {
                "group": "example.org",
                "scope": "Namespaced",
                "names": {"kind": "Thing", "plural": "things"},
                "versions": [
                    {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}}
                ],
            },
        }
    )
    world.pod("web-1-a", running())
    world.available()
    applied = await world.cluster.apply(thing)

    async def later() -> None:
        await world.clock.sleep(takes)
        world.cluster.set_status(Ref.of(thing), conditions=[{"type": "Ready", "status": "True"}])

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected, Expected.of(thing, applied), listen=True)
    assert result.state == "ready"
    warnings = [s.warning for e in world.events if isinstance(e, Awaiting) for s in e.objects]
    assert any("no controller has reported on it yet" in words for words in warnings) is warned
