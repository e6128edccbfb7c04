"""Signals that end a command in order: the same path for Ctrl-C, `kill` and a closed terminal."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, TypeVar

from skill_runner.tasks import Haste

T = TypeVar("T")

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN: Final = "already interrupted; stopping at once and releasing the lock\n"


def chosen() -> tuple[signal.Signals, ...]:
    """The signals that end this command; SIGHUP is not one under `nohup`."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return tuple(n for n in ENDING if n is not signal.SIGHUP or not ignored)


class Interrupts:
    """The signals of one command, from its start until its outcome is written.

    The first cancels the work of `run` (before it, KeyboardInterrupt is raised); the second hurries
    the clean-up. Once the work has ended, or `finish` is called, none disturbs any more.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._haste = Haste()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Future[Any] | None = None
        self._finished = False
        self._before = {number: signal.getsignal(number) for number in chosen()}

    def __enter__(self) -> Interrupts:
        for number in self._before:
            signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def name(self) -> str:
        """The signal that came first, for messages."""
        return self.received.name if self.received else "a signal"

    async def run(self, work: Awaitable[T]) -> T:
        """Await the work; it is cancelled by the first signal."""
        with self._haste:
            task = asyncio.ensure_future(work)
        self._task, self._loop = task, asyncio.get_running_loop()
        try:
            return await task
        finally:
            self.finish()

    def finish(self) -> None:
        """Ignore further signals: what became of the work is decided."""
        self._finished = True

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._finished:
            return
        first, self.received = self.received is None, self.received or signal.Signals(number)
        if self._loop is None:
            if first:
                raise KeyboardInterrupt
            return
        self._loop.call_soon_threadsafe(self._cancel if first else self._hurry)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _hurry(self) -> None:
        sys.stderr.write(AGAIN)
        self._haste.hurry()


@contextmanager
def as_interrupts() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt, as SIGINT does."""
    before = {n: signal.signal(n, signal.default_int_handler) for n in chosen()[1:]}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
