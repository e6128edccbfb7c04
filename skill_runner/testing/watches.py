"""Watches over a Store: its history from a resourceVersion on, then what happens next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from copy import deepcopy

from skill_runner.backends.base import WatchEvent
from skill_runner.errors import Gone
from skill_runner.objects import Object, Ref
from skill_runner.testing.store import Change, Store

Wanted = Callable[[Ref, Object], bool]


class Watches:
    """Every open watch of one cluster; `drop` and `bookmark` reach them all."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._drops = 0
        self._bookmarks = 0
        self._wakers: list[Callable[[], None]] = []

    def drop(self) -> None:
        self._drops += 1
        self._wake()

    def bookmark(self) -> None:
        self._bookmarks += 1
        self._wake()

    def _wake(self) -> None:
        for waker in tuple(self._wakers):
            waker()

    async def events(
        self, wanted: Wanted, api_version: str, kind: str, since: str | None
    ) -> AsyncGenerator[WatchEvent, None]:
        """Events since a resourceVersion; without one, first what is there, as ADDED."""
        loop, bell = asyncio.get_running_loop(), asyncio.Event()

        def waker() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(bell.set)

        store = self._store
        drops, marks = self._drops, self._bookmarks
        with store.guard:
            store.listeners.append(waker)
            self._wakers.append(waker)
            position = store.version if since in (None, "", "0") else int(since or 0)
            first = store.select(wanted) if since in (None, "", "0") else []
        try:
            for obj in first:
                yield WatchEvent("ADDED", obj)
            while self._drops == drops:
                bell.clear()
                events, position = self._since(position, wanted)
                for event in events:
                    yield event
                if self._bookmarks != marks:
                    marks = self._bookmarks
                    meta = {"resourceVersion": str(position)}
                    mark = {"apiVersion": api_version, "kind": kind, "metadata": meta}
                    yield WatchEvent("BOOKMARK", mark)
                if not events:
                    await bell.wait()
        finally:
            store.listeners.remove(waker)
            self._wakers.remove(waker)

    def _since(self, position: int, wanted: Wanted) -> tuple[list[WatchEvent], int]:
        with self._store.guard:
            if position < self._store.oldest:
                raise Gone(f"too old resource version: {position}", status=410, reason="Expired")
            changes = [c for c in self._store.history if c.version > position]
            found = [event for change in changes if (event := _seen(change, wanted))]
            return found, self._store.version


def _seen(change: Change, wanted: Wanted) -> WatchEvent | None:
    """Return what a watch with a selector sees: leaving the selection looks like deletion."""
    before = change.before is not None and wanted(change.ref, change.before)
    after = change.type != "DELETED" and wanted(change.ref, change.after)
    obj = deepcopy(change.after)
    if before and after:
        return WatchEvent("MODIFIED", obj)
    if after:
        return WatchEvent("ADDED", obj)
    return WatchEvent("DELETED", obj) if before else None
