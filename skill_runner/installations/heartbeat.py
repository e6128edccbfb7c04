"""A lock that is held, and the thread that keeps it: heartbeats, and the end without them.

The heartbeat has its own event loop and its own connection, so that a hook that blocks the run's
loop cannot starve it.
"""

from __future__ import annotations

import asyncio
import os
import struct
import tempfile
import threading
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from skill_runner.backends.base import Clock, Cluster
from skill_runner.backends.clock import uptime
from skill_runner.errors import ApiError, Conflict, LockLost, NotFound
from skill_runner.installations.lease import PACE, Pace, micro, words_of
from skill_runner.log import get_logger
from skill_runner.objects import Object, Ref
from skill_runner.plan import Installation

DELETED: Final = "its Lease was deleted"
LAST_BEAT: Final = 5.0  # seconds that a heartbeat under way may take to end

Connect = Callable[[], Awaitable[Cluster]]

log = get_logger(__name__)


class Held:
    """A lock that this run holds. `taken_from` says which dead holder had it, and how one knew.

    `sent` is when the request that took it was sent, by the clock's `uptime`: the Lease cannot
    have begun earlier.
    """

    def __init__(
        self,
        installation: Installation,
        clock: Clock,
        lease: Object,
        sent: float,
        taken_from: str = "",
        pace: Pace = PACE,
    ) -> None:
        self.installation = installation
        self.taken_from = taken_from
        self.pace = pace
        self.lifeline = Lifeline()
        self._clock = clock
        self._guard = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._lost = ""
        self._taken = False
        self._expected = False
        self._lease = lease
        self._sent = sent
        self.beat(lease, sent)

    @property
    def lease(self) -> Object:
        """The Lease as this run wrote it last."""
        with self._guard:
            return self._lease

    @property
    def left(self) -> float:
        """Seconds until the run must stop, when no heartbeat gets through; 0 or more."""
        with self._guard:
            return max(0.0, self._sent + self.pace.deadline - self._clock.uptime())

    def check(self) -> None:
        """LockLost when the run must have stopped by now; call it before every write."""
        if (loss := self.loss()) is not None:
            raise loss

    def check_clean_up(self) -> None:
        """LockLost when another run may hold the lock by now.

        What a run that must stop cleans up behind itself, it may do until then.
        """
        with self._guard:
            over = self._clock.uptime() - self._sent >= self.pace.duration
        if self.taken or over:
            self.check()

    def pass_(self, call: str, *, read: bool, clean_up: bool) -> None:
        """Let reads pass, and writes while the lock is ours; see skill_runner.backends.fence."""
        if clean_up:
            self.check_clean_up()
        elif not read:
            self.check()

    def loss(self) -> LockLost | None:
        """The error of a lock that is lost; None while it is ours."""
        if not self._lost and self.left <= 0 and not self.gone:
            self.lose(f"no heartbeat got through for {self.pace.deadline:g} s")
        if not self._lost:
            return None
        return LockLost(
            f"the lock of {self.installation} is lost: {self._lost}",
            hint="What was running was stopped. Run again: it continues from what exists.",
        )

    @property
    def taken(self) -> bool:
        """Tell whether somebody else is known to have the Lease, or to have deleted it."""
        with self._guard:
            return self._taken

    @property
    def gone(self) -> bool:
        """Tell whether the Lease went with its namespace, which this run deleted. Nobody can take a
        lock there, so nothing is lost by it."""
        with self._guard:
            return self._taken and self._expected

    def expect_gone(self, expected: bool) -> None:
        """Say that this run deletes the namespace of the Lease now, or did not after all."""
        with self._guard:
            self._expected = expected
            taken = self._taken
        if taken and not expected:
            self.lose(DELETED, taken=True)

    def beat(self, lease: Object, sent: float) -> None:
        """A heartbeat that was sent at `sent` got through."""
        with self._guard:
            self._lease, self._sent = lease, sent
        self.lifeline.extend(self.left)

    def lose(self, reason: str, *, taken: bool = False) -> None:
        """The lock is not ours any more; whoever asked for it is told."""
        with self._guard:
            self._taken = self._taken or taken
            if self._taken and self._expected and not self._lost:
                return
            self._lost = self._lost or reason
            listeners, self._listeners = self._listeners, []
        self.lifeline.extend(0)
        for listener in listeners:
            listener()

    def when_lost(self, listener: Callable[[], None]) -> None:
        """Call `listener`, from any thread, once the lock is lost."""
        with self._guard:
            if not self._lost:
                self._listeners.append(listener)
                return
        listener()


class Lifeline:
    """The time until which programs of a run may write; see skill_runner.backends.base.

    They outlive a run that was stopped (Ctrl-Z, SIGSTOP) and so cannot be ended by it.
    """

    def __init__(self) -> None:
        with tempfile.TemporaryFile() as file:
            self._descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._descriptor)

    def fileno(self) -> int:
        return self._descriptor

    def extend(self, seconds: float) -> None:
        """From now on, `seconds` more; 0 ends it."""
        os.pwrite(self.fileno(), struct.pack("=d", uptime() + seconds), 0)


class Heart:
    """The thread that renews the Lease of a lock."""

    def __init__(self, connect: Connect, held: Held, holder: str, clock: Clock) -> None:
        self._connect = connect
        self._held = held
        self._holder = holder
        self._clock = clock
        self._cluster: Cluster | None = None
        self._thread = threading.Thread(target=self._run, name="skill-lock", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """End the thread; a heartbeat that is under way is waited for."""
        assert self._loop is not None
        assert self._task is not None
        with suppress(RuntimeError):  # it has ended by itself: the lock was lost
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._keep())
        except asyncio.CancelledError:
            return
        except Exception as error:
            log.warning("the heartbeat failed", reason=str(error))
        self._held.lose("its heartbeat ended")  # unless it is known better already

    async def _keep(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._ready.set()
        pause = self._held.pace.renew
        try:
            while self._held.loss() is None and not self._held.gone:
                await self._clock.sleep(min(pause, self._held.left))
                if self._held.loss() is not None:
                    break  # whoever waits for a lock that is lost is not kept waiting
                error = await self._beat(self._held.left)
                if error is not None and pause == self._held.pace.renew:  # the first in a row
                    log.warning("no heartbeat", reason=str(error) or "the cluster does not answer")
                pause = self._held.pace.renew if error is None else self._held.pace.retry
        finally:
            if self._cluster is not None:
                await self._cluster.close()

    async def _beat(self, seconds: float) -> BaseException | None:
        """Send one heartbeat; why it did not get through in so many seconds.

        At the end of the run one that is under way may end, for then we know what to give back.
        """
        renewal = asyncio.ensure_future(self._renew())
        try:
            await asyncio.wait({renewal}, timeout=seconds)
        except asyncio.CancelledError:
            await asyncio.wait({renewal}, timeout=LAST_BEAT)
            raise
        finally:
            renewal.cancel()
            (error,) = await asyncio.gather(renewal, return_exceptions=True)
        return error

    async def _renew(self) -> None:
        self._cluster = self._cluster or await self._connect()
        try:
            await self._replace(self._held.lease)
        except NotFound:
            self._held.lose(DELETED, taken=True)
        except ApiError as error:
            if not isinstance(error, Conflict) and error.status != 403:
                raise  # 403 also is the answer for what is gone from a terminating namespace
            await self._look()

    async def _replace(self, lease: Object) -> None:
        assert self._cluster is not None
        spec = {**lease["spec"], "renewTime": micro(self._clock.now())}
        sent = self._clock.uptime()
        self._held.beat(await self._cluster.replace({**lease, "spec": spec}), sent)

    async def _look(self) -> None:
        """The Lease changed: it is lost, or somebody only touched it."""
        assert self._cluster is not None
        try:
            found = await self._cluster.get(Ref.of(self._held.lease))
        except NotFound:
            self._held.lose(DELETED, taken=True)
            return
        if found["spec"].get("holderIdentity") != self._holder:
            self._held.lose(f"{words_of(found)} took it over", taken=True)
            return
        await self._replace(found)
