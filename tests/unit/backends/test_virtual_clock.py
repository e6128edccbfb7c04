"""Virtual time: in order, at once, and in step with the loops of other threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from skill_runner.backends.clock import SystemClock, within
from skill_runner.testing import FakeClock


async def test_sleeps_end_in_order_and_cost_nothing() -> None:
    clock = FakeClock()
    ended: list[tuple[float, float]] = []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        ended.append((seconds, clock.monotonic()))

    await asyncio.gather(*(sleeper(seconds) for seconds in (3600, 1, 60, 0)))
    assert ended == [(0, 0.0), (1, 1.0), (60, 60.0), (3600, 3600.0)]
    assert clock.now() == 1_700_000_000 + 3600


async def test_time_stands_still_while_there_is_work() -> None:
    clock = FakeClock()
    task = asyncio.ensure_future(clock.sleep(1))
    for _ in range(100):
        await asyncio.sleep(0)
        assert clock.monotonic() == 0
        asyncio.get_running_loop().call_soon(lambda: None)
    await task
    assert clock.monotonic() == 1


async def test_a_cancelled_sleep_moves_no_time() -> None:
    clock = FakeClock()
    long = asyncio.ensure_future(clock.sleep(1000))
    await clock.sleep(1)
    long.cancel()
    await clock.sleep(1)
    assert clock.monotonic() == 2


async def test_by_hand_only() -> None:
    clock = FakeClock(auto=False)
    task = asyncio.ensure_future(clock.sleep(10))
    await asyncio.sleep(0)
    clock.advance(9)
    await asyncio.sleep(0)
    assert not task.done()
    clock.advance(1)
    await task


async def test_other_threads_keep_step() -> None:
    clock = FakeClock()
    beats: list[float] = []

    async def beat() -> None:
        while len(beats) < 6:
            await clock.sleep(10)
            beats.append(clock.monotonic())

    thread = threading.Thread(target=lambda: asyncio.run(beat()))
    thread.start()
    clock.until_asleep()
    await clock.sleep(35)
    assert beats == [10, 20, 30]
    await clock.sleep(65)
    await asyncio.to_thread(thread.join)
    assert beats == [10, 20, 30, 40, 50, 60]


async def test_within() -> None:
    clock = FakeClock()

    async def answer(after: float) -> str:
        await clock.sleep(after)
        return "yes"

    assert await within(clock, 10, answer(9)) == "yes"
    with pytest.raises(TimeoutError, match="not done within 10 s"):
        await within(clock, 10, answer(11))
    with pytest.raises(ValueError, match="oops"):
        await within(clock, 10, fails())


async def fails() -> None:
    raise ValueError("oops")


async def test_the_real_clock_goes_on() -> None:
    clock = SystemClock()
    before, moment = clock.monotonic(), clock.now()
    await clock.sleep(0)
    assert clock.monotonic() >= before
    assert moment > 1_700_000_000
