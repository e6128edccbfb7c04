"""Work that is brought to its end although the one who waits for it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def uncancelled(work: Awaitable[T]) -> T:
    """What `work` gives. A cancellation waits for its end, and is raised then.

    asyncio.shield alone lets the caller go at once, and the loop may end before the work does.
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
