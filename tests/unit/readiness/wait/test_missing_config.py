"""Secrets that come late, never, or again: the wait while a container lacks its configuration."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from skill_runner.objects import Ref
from skill_runner.progress import Awaiting
from skill_runner.readiness.wait import DEFAULT_POLICY
from skill_runner.skill.model import FailureOverride
from tests.support.waiting import World, running, waiting


@pytest.fixture
def world() -> World:
    return World()


async def test_a_secret_that_comes_late_fails_nothing(world: World) -> None:
    expected = await world.deploy()
    world.pod("web-1-a", waiting("CreateContainerConfigError", 'secret "db" not found'))

    async def later() -> None:
        await world.clock.sleep(5)
        world.pod("web-1-a", waiting("CreateContainerConfigError", 'secret "db" not found'))
        await world.clock.sleep(10)
        world.pod("web-1-a", running())
        world.available()

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected, listen=True)
    assert result.state == "ready"
    warnings = {s.words for e in world.events if isinstance(e, Awaiting) for s in e.objects}
    assert "Secret default/db does not exist (giving up in 30 s unless it recovers)" in warnings
    assert len([words for words in warnings if "db does not exist" in words]) == 1


async def test_a_secret_that_never_comes(world: World) -> None:
    expected = await world.deploy()
    world.pod("web-1-a", waiting("CreateContainerConfigError", 'secret "db" not found'))
    result = await world.wait(expected)
    assert result.problem is not None
    assert (result.problem.code, result.problem.cause) == (
        "CONFIG_MISSING",
        "Secret default/db does not exist",
    )
    assert result.seconds == pytest.approx(30, abs=0.5)


def secret(**data: str) -> dict[str, Any]:
    meta = {"name": "db", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}


@pytest.mark.parametrize(
    ("told", "before"),
    [
        ('secret "db" not found', None),
        ("couldn't find key p in Secret default/db", secret(o="eA==")),
    ],
)
async def test_what_has_come_is_not_called_missing_while_the_kubelet_has_yet_to_look(
    world: World, told: str, before: dict[str, Any] | None
) -> None:
    """A kubelet looks again after 10 to 15 s, and later when it has much to do."""
    expected = await world.deploy()
    if before:
        world.cluster.put(before)
    world.pod("web-1-a", waiting("CreateContainerConfigError", told))

    async def later() -> None:
        await world.clock.sleep(25)
        world.cluster.put(secret(p="eA=="))
        await world.clock.sleep(25)
        world.pod("web-1-a", running())
        world.available()

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected, listen=True)
    assert result.state == "ready", result.problem
    shown = [s.words for e in world.events if isinstance(e, Awaiting) for s in e.objects]
    assert any("exists now, but the kubelet has not retried yet" in w for w in shown), shown


async def test_a_kubelet_that_never_looks_again(world: World) -> None:
    expected = await world.deploy()
    world.pod("web-1-a", waiting("CreateContainerConfigError", 'secret "db" not found'))
    world.cluster.put(secret())
    result = await world.wait(expected)
    assert result.problem is not None
    assert (result.problem.code, result.problem.retryable) == ("NOT_READY_IN_TIME", True)
    assert result.problem.fix == "Run the same command again to go on waiting."
    assert result.problem.cause.startswith("Secret default/db exists now")
    assert result.seconds == pytest.approx(180, abs=2)


async def test_what_comes_and_goes_is_missing(world: World) -> None:
    expected = await world.deploy()
    world.pod("web-1-a", waiting("CreateContainerConfigError", 'secret "db" not found'))
    world.cluster.put(secret())

    async def later() -> None:
        await world.clock.sleep(25)
        await world.cluster.delete(Ref("v1", "Secret", "db", "default"))

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await world.wait(expected)
    assert result.problem is not None
    assert result.problem.cause == "Secret default/db does not exist"
    assert result.seconds == pytest.approx(25 + 30, abs=2)


async def test_where_nobody_may_look_the_kubelet_is_believed(world: World) -> None:
    expected = await world.deploy()
    world.pod("web-1-a", waiting("CreateContainerConfigError", 'secret "db" not found'))
    world.cluster.put(secret())
    world.cluster.deny("get", "Secret")
    result = await world.wait(expected)
    assert result.problem is not None
    assert result.problem.cause == "Secret default/db does not exist"
    assert result.seconds == pytest.approx(30, abs=0.5)


async def test_a_skill_shortens_a_budget(world: World) -> None:
    expected = await world.deploy()
    world.pod("web-1-a", waiting("CreateContainerConfigError", 'secret "db" not found'))
    policy = DEFAULT_POLICY.override(
        [FailureOverride(reason="ConfigMissing", budget=2, why="a test")]
    )
    result = await world.wait(expected, policy=policy)
    assert result.seconds == pytest.approx(2, abs=0.5)
