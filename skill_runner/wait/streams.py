"""Selections → a View kept current: a watch each, an independent list every 15 s.

A watch drives; the list corrects one that died silently. A dropped connection, 410, 429, 5xx, an
expired token or an API server that restarts is no error here: the stream starts anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import Final

from skill_runner.backends.base import Clock, Cluster
from skill_runner.errors import ClusterError, Forbidden, Gone, NotFound, SkillError
from skill_runner.log import get_logger
from skill_runner.wait.selection import Selection
from skill_runner.wait.view import View

LIST_EVERY: Final = 15.0
RETRY_FIRST: Final = 0.2
RETRY_MOST: Final = 5.0
FORBIDDEN_RETRY: Final = 10.0
ABSENT_RETRY: Final = 1.0

log = get_logger(__name__)


class Streams:
    """Follows selections until closed; calls `changed` after every change of the view."""

    def __init__(
        self, cluster: Cluster, clock: Clock, view: View, changed: Callable[[], None]
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._view = view
        self._changed = changed
        self._tasks: dict[Selection, asyncio.Task[None]] = {}
        self._checker: asyncio.Task[None] | None = None
        self._behind: set[Selection] = set()
        self.unreachable_since: float | None = None

    def follow(self, selections: Iterable[Selection]) -> None:
        """Follow exactly these from now on."""
        wanted = set(selections)
        for selection in set(self._tasks) - wanted:
            self._tasks.pop(selection).cancel()
            self._view.drop(selection)
        for selection in sorted(wanted - set(self._tasks), key=repr):
            self._tasks[selection] = asyncio.create_task(self._keep(selection))
        if self._checker is None:
            self._checker = asyncio.create_task(self._check())

    async def close(self) -> None:
        """End every watch."""
        tasks = [*self._tasks.values(), *([self._checker] if self._checker else [])]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, selection: Selection) -> None:
        """List, then watch from there, for ever."""
        retry = RETRY_FIRST
        while True:
            try:
                version = await self._list(selection)
                retry = RETRY_FIRST
                await self._watch(selection, version)
                # A server that ends watches at once must not be asked in a tight loop.
                await self._clock.sleep(RETRY_FIRST)
            except Gone:
                continue
            except NotFound:
                self.unreachable_since = None  # a refusal is an answer
                self._view.mark_absent(selection)
                self._changed()
                await self._clock.sleep(ABSENT_RETRY)
            except Forbidden as error:
                self.unreachable_since = None
                self._view.forbidden[selection] = error.message
                self._view.synced.add(selection)
                self._changed()
                await self._clock.sleep(FORBIDDEN_RETRY)
            except SkillError as error:
                self._note_trouble(error)
                await self._clock.sleep(retry)
                retry = min(retry * 2, RETRY_MOST)

    async def _list(self, selection: Selection) -> str:
        found = await self._cluster.list(
            selection.api_version, selection.kind, namespace=selection.namespace,
            labels=selection.labels, fields=selection.fields,
        )  # fmt: skip
        self.unreachable_since = None
        if self._view.replace(selection, found.items, found.resource_version):
            self._changed()
        return found.resource_version

    async def _watch(self, selection: Selection, version: str) -> None:
        events = self._cluster.watch(
            selection.api_version, selection.kind, namespace=selection.namespace,
            labels=selection.labels, fields=selection.fields, resource_version=version,
        )  # fmt: skip
        async with aclosing(events):
            async for event in events:
                if event.type == "BOOKMARK":
                    continue
                self._view.change(selection, event.object, deleted=event.type == "DELETED")
                self._changed()

    def _note_trouble(self, error: SkillError) -> None:
        log.debug("watch interrupted", error=error.message)
        if isinstance(error, ClusterError) and self.unreachable_since is None:
            self.unreachable_since = self._clock.monotonic()
            self._changed()

    async def _check(self) -> None:
        """The independent look: whatever a watch has missed is corrected, and the watch renewed."""
        while True:
            await self._clock.sleep(LIST_EVERY)
            for selection, task in tuple(self._tasks.items()):
                if selection not in self._view.synced or selection in self._view.absent:
                    continue
                await self._check_one(selection, task)

    async def _check_one(self, selection: Selection, task: asyncio.Task[None]) -> None:
        try:
            found = await self._cluster.list(
                selection.api_version, selection.kind, namespace=selection.namespace,
                labels=selection.labels, fields=selection.fields,
            )  # fmt: skip
        except SkillError as error:
            log.debug("look failed", error=error.message)
            return
        if self._tasks.get(selection) is not task:
            return
        if not self._view.replace(selection, found.items, found.resource_version):
            self._behind.discard(selection)
            return
        self._changed()
        # Once may be an event on its way; a watch that is behind twice in a row is dead.
        if selection in self._behind:
            log.debug("a watch had missed changes", selection=str(selection))
            self._behind.discard(selection)
            task.cancel()
            self._tasks[selection] = asyncio.create_task(self._keep(selection))
        else:
            self._behind.add(selection)
