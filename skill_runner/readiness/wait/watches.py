"""Selections → a View kept current: few watches, an independent list every 15 s.

A watch drives; the list corrects one that died silently. A dropped connection, 410, 429, 5xx, an
expired token or an API server that restarts is no error here: the stream starts anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from skill_runner.backends.base import Clock, Cluster
from skill_runner.errors import ClusterError, SkillError
from skill_runner.log import get_logger
from skill_runner.readiness.wait.cache import View
from skill_runner.readiness.wait.channels import Group, Sorter, channels, group_of
from skill_runner.readiness.wait.following import Following
from skill_runner.readiness.wait.selection import Selection

LIST_EVERY: Final = 15.0

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
        self._following: dict[Selection, Following] = {}
        self._wide: set[Group] = set()
        self._checker: asyncio.Task[None] | None = None
        self.unreachable_since: float | None = None

    def follow(self, selections: Iterable[Selection]) -> None:
        """Follow exactly these from now on."""
        wanted = channels(selections, self._wide)
        self._wide |= {group_of(q) for q, members in wanted.items() if members != {q}}
        for query in set(self._following) - set(wanted):
            self._following.pop(query).end()
        for query, members in sorted(wanted.items(), key=lambda each: repr(each[0])):
            if one := self._following.get(query):
                one.serve(members)
            else:
                self._following[query] = self._begin(Sorter(query, members))
        if self._checker is None:
            self._checker = asyncio.create_task(self._check())
        self._view.keep(frozenset().union(*wanted.values()))

    def _begin(self, sorter: Sorter) -> Following:
        return Following(
            self._cluster,
            self._clock,
            self._view,
            sorter,
            changed=self._changed,
            answered=self._answered,
            troubled=self._troubled,
        )

    async def close(self) -> None:
        """End every watch."""
        if self._checker is not None:
            self._checker.cancel()
        ending = [one.end() for one in self._following.values()]
        self._following.clear()
        checking = [self._checker] if self._checker else []
        await asyncio.gather(*ending, *checking, return_exceptions=True)

    def _answered(self) -> None:
        self.unreachable_since = None

    def _troubled(self, error: SkillError) -> None:
        log.debug("watch interrupted", error=error.message)
        if isinstance(error, ClusterError) and self.unreachable_since is None:
            self.unreachable_since = self._clock.monotonic()
            self._changed()

    async def _check(self) -> None:
        """The independent look: whatever a watch has missed is corrected, and the watch renewed."""
        while True:
            await self._clock.sleep(LIST_EVERY)
            for one in tuple(self._following.values()):
                await one.check()
