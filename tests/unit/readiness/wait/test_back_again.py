"""Containers that ended once, and are up again: what was before is no verdict on what is now."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from skill_runner.objects import Object
from skill_runner.readiness.wait import DEFAULT_POLICY, look_once
from tests.support.waiting import World, played, running


@pytest.fixture
def world() -> World:
    return World()


def at_time(world: World, seconds: float) -> str:
    """A time of the API, so long after now."""
    moment = datetime.fromtimestamp(world.clock.now() + seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def ended(code: int, reason: str, began: str, over: str) -> Object:
    return {"exitCode": code, "reason": reason, "startedAt": began, "finishedAt": over}


def back(since: str, last: Object, *, restarts: int, ready: bool) -> Object:
    """A container that runs again."""
    status = running(ready=ready, restarts=restarts)
    (container,) = status["containerStatuses"]
    container |= {"state": {"running": {"startedAt": since}}, "lastState": {"terminated": last}}
    return status


async def test_one_crash_and_then_a_slow_start(world: World) -> None:
    """Its readiness probe gives it five minutes; a budget for crashes must not take them away."""
    expected = await world.deploy()
    probe = {"tcpSocket": {"port": 80}, "periodSeconds": 10, "failureThreshold": 30}
    crashed = ended(1, "Error", at_time(world, -3), at_time(world, -1))
    starting = back(at_time(world, 0), crashed, restarts=1, ready=False)
    world.pod("web-1-a", starting, readinessProbe=probe)

    async def later() -> None:
        await world.clock.sleep(280)
        world.pod("web-1-a", {**starting, **running(restarts=1)}, readinessProbe=probe)
        world.available()

    result = await played(world, expected, later=later)
    assert result.state == "ready", result.problem


async def test_a_killing_of_long_ago_is_not_why_it_is_not_ready_now(world: World) -> None:
    expected = await world.deploy()
    killed = ended(137, "OOMKilled", at_time(world, -2_000_000), at_time(world, -1_000_000))
    status = back(at_time(world, -1_000_000), killed, restarts=1, ready=False)
    world.pod("web-1-a", status, readinessProbe={"httpGet": {"port": 80, "path": "/ready"}})
    result = await world.wait(expected)
    assert result.problem is not None
    assert result.problem.code == "PROBE_FAILING"


@pytest.mark.parametrize("restarts", [12, 40])
async def test_restarts_of_before_the_wait_do_not_count(world: World, restarts: int) -> None:
    expected = await world.deploy()
    crashed = ended(1, "Error", at_time(world, -30), at_time(world, -20))
    world.pod("web-1-a", back(at_time(world, -20), crashed, restarts=restarts, ready=False))

    async def later() -> None:
        await world.clock.sleep(20)
        world.pod("web-1-a", running(restarts=restarts))
        world.available()

    result = await played(world, expected, later=later)
    assert result.state == "ready", result.problem


async def test_a_container_that_ends_every_forty_seconds_is_not_ready_in_between(
    world: World,
) -> None:
    """Forty restarts, and up for 20 s: it has to run for longer than it ever did."""
    expected = await world.deploy()
    killed = ended(137, "Error", at_time(world, -60), at_time(world, -20))
    world.pod("web-1-a", back(at_time(world, -20), killed, restarts=40, ready=True))
    world.available()
    once = await look_once(world.cluster, world.clock, [expected], policy=DEFAULT_POLICY)
    assert once.problem is not None
    assert once.problem.code == "CRASH_LOOP"
    result = await world.wait(expected)
    assert result.state == "ready"
    assert result.seconds == pytest.approx(25, abs=1)


async def test_one_that_came_back_long_ago_is_ready_at_once(world: World) -> None:
    expected = await world.deploy()
    crashed = ended(1, "Error", at_time(world, -9000), at_time(world, -5000))
    world.pod("web-1-a", back(at_time(world, -5000), crashed, restarts=40, ready=True))
    world.available()
    result = await world.wait(expected)
    assert result.state == "ready"
    assert result.seconds == pytest.approx(0, abs=0.5)


async def test_a_node_whose_clock_is_ahead_of_ours_holds_nothing_up(world: World) -> None:
    expected = await world.deploy()
    crashed = ended(1, "Error", at_time(world, 3500), at_time(world, 3590))
    world.pod("web-1-a", back(at_time(world, 3600), crashed, restarts=3, ready=True))
    world.available()
    result = await world.wait(expected)
    assert result.state == "ready"
    assert result.seconds == pytest.approx(0, abs=0.5)
