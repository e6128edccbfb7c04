"""The waits of a run: ready first, and the stability window while the run goes on.

`ready` needs both: what follows (hooks, proofs) works while the window is open, and the run ends
well only once every window has closed without a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from skill_runner.errors import HookFailed, NotReadyInTime, StepFailed
from skill_runner.execution.state import Walk
from skill_runner.progress import Note
from skill_runner.readiness.wait import Expected, WaitResult, wait_ready
from skill_runner.skill.model import WaitRule
from skill_runner.tasks import ended

T = TypeVar("T")


async def await_objects(
    walk: Walk,
    expected: Sequence[Expected],
    rules: tuple[WaitRule, ...],
    timeout: float,
    *,
    stability: float,
) -> None:
    """Wait until everything is ready; a stability window stays open behind it.

    StepFailed or NotReadyInTime with the diagnosed problem.
    """
    is_ready = asyncio.Event()
    window = asyncio.ensure_future(
        wait_ready(
            walk.world.cluster,
            walk.world.clock,
            expected,
            rules=rules,
            timeout=timeout,
            stability=stability,
            policy=walk.policy(),
            report=walk.report,
            when_ready=is_ready.set,
        )
    )
    signal = asyncio.ensure_future(is_ready.wait())
    try:
        await asyncio.wait({window, signal}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        await ended(window)
        raise
    finally:
        await ended(signal)
    if window.done():
        _conclude(walk, window.result())
    else:
        walk.windows.append(window)


async def settle(walk: Walk) -> None:
    """Wait until every window has closed well; the diagnosed error of the first that has not."""
    for window in tuple(walk.windows):
        result = await asyncio.shield(window)
        walk.windows.remove(window)
        _conclude(walk, result)


async def meanwhile(walk: Walk, work: Callable[[], Awaitable[T]]) -> T:
    """Work while windows are open.

    A window that ends badly ends the work: its diagnosis is the cause. Work that fails before
    readiness was certain is done once more when it is.
    """
    if not walk.windows:
        return await work()
    task = asyncio.ensure_future(work())
    watching = asyncio.ensure_future(_until_bad(walk))
    try:
        await asyncio.wait({task, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            watching.result()  # raises
        return task.result()
    except HookFailed as error:
        if not any(not window.done() for window in walk.windows):
            raise
        walk.report(
            Note(f"{error.message.splitlines()[0]}; it will run again once everything is stable")
        )
    finally:
        await ended(task, watching)
    await settle(walk)
    return await work()


async def close(walk: Walk) -> None:
    """End every window, whatever it would have said."""
    await ended(*walk.windows)
    walk.windows.clear()


async def _until_bad(walk: Walk) -> None:
    """Raises what a window found; never returns."""
    waiting = set(walk.windows)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for window in done:
            if window.result().state != "ready":
                _conclude(walk, window.result())
    await asyncio.Event().wait()


def _conclude(walk: Walk, result: WaitResult) -> None:
    if result.state == "ready":
        walk.notes.extend(note for note in result.notes if note not in walk.notes)
        return
    walk.suspects = result.suspects
    text = result.problem.cause if result.problem else "not ready"
    kind = StepFailed if result.state == "failed" else NotReadyInTime
    raise kind(text, problem=result.problem)
