"""Order, isolation and no layers, with events in place of clocks."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from skill_runner.actions.requirements.dag import Cycle, Work, in_order, walk


def test_what_is_needed_comes_first() -> None:
    assert in_order({"app": ("db", "bus"), "bus": ("operator",), "db": ()}).index("app") == 3


def test_a_cycle_is_named_in_order() -> None:
    with pytest.raises(Cycle, match="→") as caught:
        in_order({"a": ("b",), "b": ("c",), "c": ("a",)})
    path = caught.value.path
    assert path[0] == path[-1]
    needs = {"a": "b", "b": "c", "c": "a"}
    assert all(needs[str(one)] == other for one, other in pairwise(path))


async def test_a_task_waits_for_its_own_needs_only() -> None:
    """`late` is ready only after `app` has begun: with layers this would never end."""
    begun = asyncio.Event()

    async def do(node: str) -> bool:
        if node == "late":
            await begun.wait()
        if node == "app":
            begun.set()
        return True

    work = Work(do=do, good=bool, blocked=lambda node, by: False)
    needs: dict[str, tuple[str, ...]] = {"db": (), "late": (), "app": ("db",), "end": ("late",)}
    async with asyncio.timeout(10):
        assert await walk(needs, work) == dict.fromkeys(in_order(needs), True)


async def test_a_failure_blocks_its_dependents_and_nobody_else() -> None:
    async def do(node: str) -> str:
        return "failed" if node == "bus" else "done"

    work = Work(
        do=do, good=lambda result: result == "done", blocked=lambda _, by: f"blocked by {by[0]}"
    )
    needs = {"bus": (), "db": (), "app": ("bus", "db"), "page": ("db",), "top": ("app",)}
    assert await walk(needs, work) == {
        "bus": "failed",
        "db": "done",
        "app": "blocked by bus",
        "page": "done",
        "top": "blocked by app",
    }


async def test_a_bug_ends_the_walk_and_is_raised_as_it_is() -> None:
    ended = []

    async def do(node: str) -> bool:
        if node == "bug":
            raise ZeroDivisionError
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(node)
        return True

    with pytest.raises(ZeroDivisionError):
        await walk({"slow": (), "bug": ()}, Work(do=do, good=bool, blocked=lambda n, by: False))
    assert ended == ["slow"]
