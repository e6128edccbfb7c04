"""Work that outlives the cancellation of who waits for it."""

from __future__ import annotations

import asyncio

import pytest

from skill_runner.tasks import Haste, patiently, uncancelled


async def test_a_cancellation_waits_for_the_end_of_the_work() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def work() -> None:
        begun.set()
        await go_on.wait()
        done.append("all")

    caller = asyncio.create_task(uncancelled(work()))
    await begun.wait()
    for _ in range(2):  # whoever is impatient cancels twice
        caller.cancel()
        await asyncio.sleep(0)
    assert not caller.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert done == ["all"]


async def test_without_one_it_gives_what_the_work_gives() -> None:
    async def fail() -> None:
        raise ValueError("as it is")

    assert await uncancelled(asyncio.sleep(0, "given")) == "given"
    with pytest.raises(ValueError, match="as it is"):
        await uncancelled(fail())


async def test_patience_ends_with_the_work_its_time_or_somebodys_haste() -> None:
    assert await patiently(asyncio.sleep(0, "given"), 60) == "given"
    with pytest.raises(TimeoutError):
        await patiently(asyncio.Event().wait(), 0.01)
    with Haste() as haste:
        waiting = asyncio.create_task(patiently(asyncio.Event().wait(), 3600))
        calm = asyncio.create_task(uncancelled(asyncio.sleep(0, "whole")))
        await asyncio.sleep(0)
        haste.hurry()
        with pytest.raises(TimeoutError):
            await waiting
        assert await calm == "whole"
