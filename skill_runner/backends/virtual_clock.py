"""Virtual time: a sleep is over as soon as everything else waits, in the order of its end.

The loop of the thread that made the clock drives the time. Loops of other threads (a heartbeat,
say) are woken when the time passes their end, and the time stands still until they sleep again,
so that what they do happens at the virtual second it belongs to.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from dataclasses import dataclass, field


@dataclass(order=True, slots=True)
class _Sleeper:
    end: float
    order: int
    future: asyncio.Future[None] = field(compare=False)
    loop: asyncio.AbstractEventLoop = field(compare=False)


class FakeClock:
    """A Clock whose seconds cost nothing.

    With `auto` (the default) the time moves on by itself whenever the driving loop has nothing
    left to do; without it, only `advance` moves it. `start` is in seconds since the epoch.
    """

    def __init__(self, start: float = 1_700_000_000.0, *, auto: bool = True) -> None:
        self._start = start
        self._elapsed = 0.0
        self._auto = auto
        self._sleepers: list[_Sleeper] = []
        self._order = itertools.count()
        self._guard = threading.Condition()
        self._home = threading.get_ident()
        self._driver: asyncio.AbstractEventLoop | None = None
        self._ticking: asyncio.AbstractEventLoop | None = None
        self._awake: set[asyncio.AbstractEventLoop] = set()

    def monotonic(self) -> float:
        return self._elapsed

    def uptime(self) -> float:
        return self._elapsed

    def now(self) -> float:
        return self._start + self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        with self._guard:
            self._awake.discard(loop)
            if threading.get_ident() == self._home:
                self._driver = loop
            future = loop.create_future()
            sleeper = _Sleeper(self._elapsed + seconds, next(self._order), future, loop)
            heapq.heappush(self._sleepers, sleeper)
            self._guard.notify_all()
            if self._auto and loop is self._driver and self._ticking is not loop:
                self._ticking = loop
                loop.call_soon(self._tick, 0)
        await future

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass now, from any thread; sleeps that end meanwhile are woken."""
        with self._guard:
            self._move(self._elapsed + seconds)

    def until_asleep(self, count: int = 1, timeout: float = 10.0) -> None:
        """Block this thread until `count` sleeps are under way; TimeoutError in real seconds."""
        with self._guard:
            if not self._guard.wait_for(lambda: self._sleeping() >= count, timeout):
                raise TimeoutError(f"{self._sleeping()} sleeps under way, expected {count}")

    def _sleeping(self) -> int:
        return sum(not sleeper.future.done() for sleeper in self._sleepers)

    def _tick(self, idle: int) -> None:
        """Move on once the driving loop has been seen idle twice, with a look at I/O between."""
        with self._guard:
            loop = self._driver
            self._drop_finished()
            if loop is None or loop.is_closed() or not self._drives(loop):
                self._ticking = None
                return
            self._awake = {other for other in self._awake if other.is_running()}
            busy = bool(getattr(loop, "_ready", ())) or bool(self._awake)
            if not busy and idle > 0:
                self._move(self._sleepers[0].end)
                idle = -1
            loop.call_soon(self._tick, 0 if busy else idle + 1)

    def _drives(self, loop: asyncio.AbstractEventLoop) -> bool:
        return any(sleeper.loop is loop for sleeper in self._sleepers)

    def _drop_finished(self) -> None:
        gone = [s for s in self._sleepers if s.future.done() or s.loop.is_closed()]
        if gone:
            self._sleepers = [s for s in self._sleepers if s not in gone]
            heapq.heapify(self._sleepers)

    def _move(self, to: float) -> None:
        self._elapsed = max(self._elapsed, to)
        while self._sleepers and self._sleepers[0].end <= self._elapsed:
            sleeper = heapq.heappop(self._sleepers)
            if sleeper.loop is not self._driver:
                self._awake.add(sleeper.loop)
            if not sleeper.loop.is_closed():
                sleeper.loop.call_soon_threadsafe(_wake, sleeper.future)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
