"""Clean-up that is brought to its end although the one who waits for it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextvars import ContextVar, Token
from typing import Any, TypeVar

T = TypeVar("T")


class Haste:
    """The haste of a caller that interrupts twice: `patiently` waits no longer within."""

    def __init__(self) -> None:
        self._hurried = asyncio.Event()
        self._token: Token[Haste | None] | None = None

    def __enter__(self) -> Haste:
        self._token = _CURRENT.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        _CURRENT.reset(self._token)

    def hurry(self) -> None:
        """End all patience; call it in the thread of the loop."""
        self._hurried.set()

    async def wait(self) -> None:
        """Return once somebody is in haste."""
        await self._hurried.wait()


_CURRENT: ContextVar[Haste | None] = ContextVar("haste", default=None)


async def uncancelled(work: Awaitable[T]) -> T:
    """Return what `work` gives. A cancellation waits for its end, and is raised then.

    asyncio.shield alone lets the caller go at once, and the loop may end before the work does.

        await uncancelled(ctx.delete(ref))
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # it is seen: what counts is that we are cancelled
        raise cancelled
    return task.result()


async def ended(*futures: asyncio.Future[Any]) -> None:
    """Cancel those of them that still run, and return once all have ended; nothing is raised.

    await ended(window, signal)
    """
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)


async def patiently(work: Awaitable[T], seconds: float) -> T:
    """Return what `work` gives; TimeoutError after `seconds`, or as soon as somebody is in haste.

    The work is cancelled then.
    """
    haste = _CURRENT.get()
    task = asyncio.ensure_future(work)
    waiting: set[asyncio.Future[T] | asyncio.Future[None]] = {task}
    if haste is not None:
        waiting.add(asyncio.ensure_future(haste.wait()))
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise TimeoutError(f"not done within {seconds:g} s")
    finally:
        await ended(*waiting)
