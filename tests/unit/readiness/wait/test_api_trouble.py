"""The wait while the API server is away, slow, silent or unwilling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from skill_runner.backends.base import WatchEvent
from skill_runner.errors import ApiError, ClusterUnreachable, Forbidden, Gone
from skill_runner.testing import MemoryCluster
from tests.support.waiting import World, running


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    "error",
    [
        Gone("too old", status=410),
        ApiError("slow down", status=429),
        ApiError("internal", status=500),
        ClusterUnreachable("connection refused"),
    ],
)
async def test_trouble_with_the_api_is_survived(world: World, error: Exception) -> None:
    expected = await world.deploy()

    async def later() -> None:
        await world.clock.sleep(3)
        world.cluster.fail("*", error, times=20)
        world.cluster.drop_watches()
        await world.clock.sleep(3)
        world.pod("web-1-a", running())
        world.available()

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected)
    assert result.state == "ready"
    assert result.seconds < 25


async def test_a_cluster_that_stays_away_is_named(world: World) -> None:
    expected = await world.deploy()
    world.cluster.fail("*", ClusterUnreachable("connection refused"), times=10_000)
    result = await world.wait(expected)
    assert result.problem is not None
    assert result.problem.code == "CLUSTER_UNREACHABLE"


async def test_being_forbidden_is_named_at_once(world: World) -> None:
    expected = await world.deploy()
    world.cluster.deny("list", "Deployment")
    result = await world.wait(expected)
    assert result.problem is not None
    assert result.problem.code == "FORBIDDEN"
    assert result.seconds < 2


class Deaf(MemoryCluster):
    """Its watches stay open and say nothing."""

    async def watch(self, *args: Any, **kwargs: Any) -> AsyncGenerator[WatchEvent, None]:
        await asyncio.Event().wait()
        yield WatchEvent("BOOKMARK", {})


async def test_a_watch_that_died_silently_is_corrected(world: World) -> None:
    world.cluster = Deaf(world.clock)
    expected = await world.deploy()

    async def later() -> None:
        await world.clock.sleep(2)
        world.pod("web-1-a", running())
        world.available()

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected)
    assert result.state == "ready"
    assert result.seconds == pytest.approx(15, abs=1)


async def test_a_server_that_comes_back_and_refuses_is_no_longer_unreachable(world: World) -> None:
    expected = await world.deploy()

    async def later() -> None:
        await world.clock.sleep(2)
        world.cluster.fail("*", ClusterUnreachable("connection refused"), times=4)
        world.cluster.fail("*", Forbidden("401 Unauthorized"), times=10_000)
        world.cluster.drop_watches()

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected)
    assert result.problem is not None
    assert result.problem.code == "FORBIDDEN"
