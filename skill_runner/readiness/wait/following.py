"""One list and watch, for ever, whose objects go into the View by the selections they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final

from skill_runner.backends.base import Clock, Cluster
from skill_runner.errors import Forbidden, Gone, NotFound, SkillError
from skill_runner.log import get_logger
from skill_runner.objects import Object
from skill_runner.readiness.wait.cache import View
from skill_runner.readiness.wait.channels import Sorter, read
from skill_runner.readiness.wait.selection import Selection

RETRY_FIRST: Final = 0.2
RETRY_MOST: Final = 5.0
FORBIDDEN_RETRY: Final = 10.0
ABSENT_RETRY: Final = 1.0
JOIN_EVERY: Final = 2.0  # seconds between the lists that selections which come later wait for
SHARE: Final = 20  # a list is repeated so many times as seldom as it takes

log = get_logger(__name__)


class Following:
    """Follows one query for its selections, from now until `end`."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        view: View,
        sorter: Sorter,
        *,
        changed: Callable[[], None],
        answered: Callable[[], None],
        troubled: Callable[[SkillError], None],
    ) -> None:
        self._cluster, self._clock, self._view, self._sorter = cluster, clock, view, sorter
        self._changed, self._answered, self._troubled = changed, answered, troubled
        self._behind = self._ended = False
        # When the last list ended, and how long it took.
        self._listed, self._took = clock.monotonic(), 0.0
        self._joining: asyncio.Task[None] | None = None
        self._keeping = asyncio.create_task(self._keep())

    def serve(self, members: frozenset[Selection]) -> None:
        """Serve exactly these selections; what is new among them is listed soon."""
        before = self._sorter.members
        if members == before:
            return
        self._sorter = Sorter(self._sorter.query, members)
        if not members <= before and (self._joining is None or self._joining.done()):
            self._joining = asyncio.create_task(self._join())

    def end(self) -> Awaitable[object]:
        """End the watch; awaiting the answer waits for its end."""
        self._ended = True
        tasks = [self._keeping, *([self._joining] if self._joining else [])]
        for task in tasks:
            task.cancel()
        return asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self) -> None:
        """List, then watch from there, for ever."""
        retry = RETRY_FIRST
        while True:
            try:
                version = await self._list()
                retry = RETRY_FIRST
                await self._watch(version)
                # A server that ends watches at once must not be asked in a tight loop.
                await self._clock.sleep(RETRY_FIRST)
            except Gone:
                continue
            except NotFound:
                self._answered()  # a refusal is an answer
                for one in self._sorter.members:
                    self._view.mark_absent(one)
                self._changed()
                await self._clock.sleep(ABSENT_RETRY)
            except Forbidden as error:
                self._answered()
                for one in self._sorter.members:
                    self._view.mark_forbidden(one, error.message)
                self._changed()
                await self._clock.sleep(FORBIDDEN_RETRY)
            except SkillError as error:
                self._troubled(error)
                await self._clock.sleep(retry)
                retry = min(retry * 2, RETRY_MOST)

    async def _list(self) -> str:
        served, version = await self._read()
        self._answered()
        if self._take(served, version):
            self._changed()
        return version

    async def _read(self) -> tuple[dict[Selection, list[Object]], str]:
        began = self._clock.monotonic()
        answer = await read(self._cluster, self._sorter)
        self._listed = self._clock.monotonic()
        self._took = self._listed - began
        return answer

    def _take(self, served: dict[Selection, list[Object]], version: str) -> bool:
        """Put a list into the view; whether anything was different there. What nobody asks for any
        more, or only since the list began, is left."""
        here = [one for one in served if one in self._sorter.members]
        differs = [self._view.replace(one, served[one], version) for one in here]
        return any(differs)

    async def _watch(self, version: str) -> None:
        query = self._sorter.query
        events = self._cluster.watch(
            query.api_version,
            query.kind,
            namespace=query.namespace,
            labels=query.labels,
            fields=query.fields,
            resource_version=version,
        )
        async with aclosing(events):
            async for event in events:
                if event.type == "BOOKMARK":
                    continue
                gone = event.type == "DELETED"
                if self._place(event.object, gone=gone):
                    self._changed()

    def _place(self, obj: Object, *, gone: bool) -> bool:
        """Put one object where it belongs, and take it from where it belongs no more."""
        belongs = set(self._sorter.of(obj))
        left = [] if self._sorter.is_narrow else self._view.holding(obj, self._sorter.members)
        for one in belongs:
            self._view.change(one, obj, deleted=gone)
        for one in left:
            if one not in belongs:
                self._view.change(one, obj, deleted=True)
        return bool(belongs or left)

    async def _join(self) -> None:
        """List once more for selections that came later, at most every few seconds."""
        while not self._sorter.members <= self._view.synced:
            due = self._listed + max(JOIN_EVERY, SHARE * self._took)
            await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
            if self._sorter.members <= self._view.synced:
                return
            try:
                await self._list()
            except SkillError as error:  # which `_keep` meets, too, and tells
                log.debug("look failed", error=error.message)
                await self._clock.sleep(JOIN_EVERY)

    async def check(self) -> None:
        """List what the watch should have brought already, and renew a watch that is dead."""
        members = self._sorter.members
        due = self._listed + SHARE * self._took
        known = members <= self._view.synced and not members & self._view.absent
        if self._ended or not known or self._clock.monotonic() < due:
            return
        keeping = self._keeping
        try:
            served, version = await self._read()
        except SkillError as error:
            log.debug("look failed", error=error.message)
            return
        if self._ended or keeping is not self._keeping:
            return
        if not self._take(served, version):
            self._behind = False
            return
        self._changed()
        # Once may be an event on its way; a watch that is behind twice in a row is dead.
        if self._behind:
            log.debug("a watch had missed changes", selection=str(self._sorter.query))
            self._keeping.cancel()
            self._keeping = asyncio.create_task(self._keep())
        self._behind = not self._behind
