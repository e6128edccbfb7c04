"""A start that goes as it should is told without a line that alarms."""

from __future__ import annotations

import asyncio

import pytest

from skill_runner.progress import Awaiting
from tests.support.waiting import World, running

PROBE = {"httpGet": {"path": "/", "port": 8080}, "initialDelaySeconds": 5, "periodSeconds": 10}


async def started(world: World, seconds: float, **changed: int) -> list[str]:
    """The warnings of a wait whose pod passes its probe after this time."""
    expected = await world.deploy()
    world.pod("web-1-a", running(ready=False), readinessProbe=PROBE | changed)

    async def later() -> None:
        await world.clock.sleep(seconds)
        world.pod("web-1-a", running(), readinessProbe=PROBE)
        world.available()

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected, listen=True)
    assert result.state == "ready"
    states = [s for e in world.events if isinstance(e, Awaiting) for s in e.objects]
    return [state.warning for state in states if state.warning]


@pytest.mark.parametrize("seconds", [1, 14])
async def test_a_probe_that_passes_within_its_first_period_warns_of_nothing(
    seconds: float,
) -> None:
    assert await started(World(), seconds) == []


async def test_a_probe_that_asks_often_alarms_no_sooner_than_by_default() -> None:
    assert await started(World(), 14, periodSeconds=2, failureThreshold=300) == []


async def test_one_that_lasts_longer_is_named_before_it_is_a_failure() -> None:
    (warning,) = set(await started(World(), 25))
    assert warning.startswith("container c is not ready: its probe")
    assert "does not pass" in warning
