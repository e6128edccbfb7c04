"""One run at a time for each installation: a Lease that a thread of its own keeps alive.

A dead holder's lock is taken over (see `lease`); a run whose own lock is lost is stopped before
anybody else can take it: its task is cancelled, and what it started (Helm) ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, Protocol

from skill_runner.backends.base import Clock, Cluster
from skill_runner.errors import Conflict, LockHeld, NotFound, SkillError
from skill_runner.installations.heartbeat import LAST_BEAT, Connect, Heart, Held
from skill_runner.installations.lease import (
    PACE,
    Pace,
    find_death,
    lease_ref,
    new_lease,
    taken_over,
    time_in,
    words_of,
)
from skill_runner.log import get_logger
from skill_runner.objects import Object, Ref
from skill_runner.plan import Installation
from skill_runner.progress import Note, Report, silent
from skill_runner.tasks import uncancelled

__all__ = ["PACE", "Connect", "Guard", "Held", "Pace", "hold", "lease_ref", "new_lease"]

_TRIES: Final = 3

log = get_logger(__name__)


class Guard(Protocol):
    """Whatever says whether the lock is still ours."""

    def check(self) -> None:
        """LockLost when the run must have stopped by now; call it before every write."""

    def expect_gone(self, expected: bool) -> None:
        """Say that this run deletes the namespace of the Lease now, or did not after all."""


@asynccontextmanager
async def hold(
    connect: Connect,
    installation: Installation,
    holder: str,
    clock: Clock,
    report: Report = silent,
    *,
    run: str = "",
    pace: Pace = PACE,
) -> AsyncGenerator[Held, None]:
    """Hold the installation's lock; the namespace must be there.

    `holder` is `str(Holder.here())`, or any name that tells this run from others; `run` is its id,
    for those who find the lock held. LockHeld when a live run has it. LockLost when it is lost:
    the task that holds it is cancelled then, wherever it is.

    `connect` makes a new connection: one is for taking and giving back, and one more, opened at
    the first heartbeat only, for the heartbeat's thread.
    """
    cluster = await connect()
    try:
        held = await _acquire(cluster, installation, holder, clock, report, run, pace)
        heart = Heart(connect, held, holder, clock)
        heart.start()
        try:
            with _stopped_when_lost(held):
                yield held
        finally:
            await uncancelled(_let_go(cluster, heart, held))
    finally:
        await cluster.close()


@contextmanager
def _stopped_when_lost(held: Held) -> Generator[None, None, None]:
    """Cancel this task when the lock is lost; LockLost instead of that cancellation."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    asked_before = task.cancelling()
    inside, cancelled = True, False

    def stop() -> None:
        nonlocal cancelled
        if inside and task is not None:
            cancelled = True
            task.cancel(f"the lock of {held.installation} is lost")

    def stop_soon() -> None:
        with suppress(RuntimeError):  # the loop is closed: nothing runs that could be stopped
            loop.call_soon_threadsafe(stop)

    held.when_lost(stop_soon)
    try:
        yield
    except asyncio.CancelledError:
        if cancelled and task.uncancel() <= asked_before:
            cancelled = False
            held.check()
        raise
    finally:
        inside = False
        if cancelled:
            task.uncancel()


async def _let_go(cluster: Cluster, heart: Heart, held: Held) -> None:
    await asyncio.to_thread(heart.stop)
    if not held.taken:
        await _give_back(cluster, held.lease)


async def _give_back(cluster: Cluster, lease: Object) -> None:
    meta = lease["metadata"]
    try:
        async with asyncio.timeout(LAST_BEAT):
            await cluster.delete(
                Ref.of(lease), uid=meta["uid"], resource_version=meta["resourceVersion"]
            )
    except (SkillError, TimeoutError) as error:
        # It runs out by itself; what the run did matters more than this.
        log.warning("the lock was not released", reason=str(error) or "no answer")


async def _taken(cluster: Cluster, taking: Awaitable[Object]) -> Object:
    """The Lease that `taking` makes ours; given back when we are cancelled meanwhile."""
    task = asyncio.ensure_future(taking)
    try:
        return await uncancelled(task)
    except asyncio.CancelledError:
        if not task.cancelled() and task.exception() is None:
            await uncancelled(_give_back(cluster, task.result()))
        raise


async def _acquire(
    cluster: Cluster,
    installation: Installation,
    holder: str,
    clock: Clock,
    report: Report,
    run: str,
    pace: Pace,
) -> Held:
    ref = lease_ref(installation)
    for _ in range(_TRIES):  # each failed try means that somebody took it, or gave it back
        with suppress(Conflict):
            sent = clock.uptime()
            mine = new_lease(ref, holder, clock.now(), run=run, pace=pace)
            lease = await _taken(cluster, cluster.create(mine))
            return Held(installation, clock, lease, sent, pace=pace)
        with suppress(Conflict, NotFound):
            found, reason = await find_death(cluster, await cluster.get(ref), clock, report, pace)
            sent = clock.uptime()
            mine = new_lease(ref, holder, clock.now(), run=run, pace=pace)
            lease = await _taken(cluster, cluster.replace(taken_over(found, mine)))
            seen = time_in(found["spec"], "renewTime")
            why = f"{words_of(found)}, last seen {seen}: {reason}"
            report(Note(f"took over the lock of {why}"))
            return Held(installation, clock, lease, sent, why, pace)
    raise LockHeld(f"several runs want {installation} at once", hint="Run again.")
