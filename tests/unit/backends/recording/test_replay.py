"""Record a wait in memory, save it, load it, play it: the same answer at the same time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from skill_runner.actions.replay import replay
from skill_runner.backends.recording import RecordingCluster, load_history, save_history
from skill_runner.errors import ClusterUnreachable
from skill_runner.progress import silent
from skill_runner.readiness.wait import DEFAULT_POLICY, WaitResult, wait_ready
from tests.support.waiting import World, running, waiting


async def recorded(world: World, path: Path, **options: float) -> WaitResult:
    expected = await world.deploy()
    recording = RecordingCluster(world.cluster, world.clock)
    result = await wait_ready(
        recording,
        world.clock,
        [expected],
        rules=(),
        timeout=options.get("timeout", 600),
        stability=options.get("stability", 0),
        policy=DEFAULT_POLICY,
        report=silent,
    )
    save_history(recording.history(scenario="in memory"), path, lambda t: t.replace("hunter2", "*"))
    return result


async def test_a_failure_is_played_again(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "h.jsonl"

    async def later() -> None:
        await world.clock.sleep(4)
        world.pod("web-1-a", waiting("CreateContainerConfigError", 'secret "hunter2" not found'))

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        first = await recorded(world, path)
    (again,) = await replay(load_history(path))
    assert first.problem is not None
    assert again.problem is not None
    assert again.problem.code == first.problem.code == "CONFIG_MISSING"
    assert again.seconds == pytest.approx(first.seconds, abs=0.5)
    assert "hunter2" not in path.read_text()


async def test_a_server_that_was_away_is_away_again(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "h.jsonl"

    async def later() -> None:
        await world.clock.sleep(3)
        world.cluster.fail("*", ClusterUnreachable("connection refused"), times=5)
        world.cluster.drop_watches()
        await world.clock.sleep(9)
        world.pod("web-1-a", running())
        world.available()

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        first = await recorded(world, path)
    history = load_history(path)
    (again,) = await replay(history)
    assert [m.what for m in history.moments if m.what in ("unreachable", "reached")] == [
        "unreachable",
        "reached",
    ]
    assert (first.state, again.state) == ("ready", "ready")
    assert again.seconds == pytest.approx(first.seconds, abs=6)


async def test_a_wait_that_was_called_off_is_not_played(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "h.jsonl"
    recording = RecordingCluster(world.cluster, world.clock)
    task = asyncio.ensure_future(
        wait_ready(
            recording,
            world.clock,
            [await world.deploy()],
            rules=(),
            timeout=600,
            stability=0,
            policy=DEFAULT_POLICY,
            report=silent,
        )
    )
    await world.clock.sleep(2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    save_history(recording.history(scenario="called off"), path)
    assert await replay(load_history(path)) == ()
