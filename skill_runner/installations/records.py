"""The records of one cluster, each read at most once: what a graph of installations looks up."""

from __future__ import annotations

from collections.abc import Iterable

from skill_runner.backends.base import Cluster
from skill_runner.errors import Forbidden, Refused
from skill_runner.installations import store
from skill_runner.installations.record import Record
from skill_runner.plan import Installation


class Records:
    """One request for a record that is named; one for all, when a record must be searched."""

    def __init__(self, cluster: Cluster, namespaces: Iterable[str] = ()) -> None:
        self._cluster = cluster
        self._namespaces = frozenset(namespaces)
        self._known: dict[Installation, Record | None] = {}
        self._all: tuple[Record, ...] | None = None
        self._whole = False

    async def look(self, installation: Installation) -> Record | None:
        """The record of an installation, or None; without its secret inputs, which whoever only
        uses the installation needs not be able to read."""
        if installation not in self._known:
            if self._whole:
                return None
            self._known[installation] = await store.read_closed(self._cluster, installation)
        return self._known[installation]

    async def read(self, installation: Installation) -> Record | None:
        """The record of an installation, or None."""
        return await self._opened(await self.look(installation))

    async def read_kept(self, installation: Installation) -> Record | None:
        """Read what a removal that kept data left of an installation, or None."""
        return await store.read_kept(self._cluster, installation)

    async def _opened(self, found: Record | None) -> Record | None:
        """With its secret inputs, which a list leaves out."""
        if found is not None:
            found = await store.opened(self._cluster, found)
            self._known[found.installation] = found
        return found

    async def all(self) -> tuple[Record, ...]:
        """Every record of the cluster, by installation.

        Whoever owns some namespaces alone sees those of the ones that were asked for.
        """
        if self._all is None:
            try:
                self._all = await store.find_all(self._cluster)
                self._whole = True
            except Forbidden:
                spaces = sorted({each.namespace for each in self._known} | self._namespaces)
                lists = [await store.find_all(self._cluster, space) for space in spaces]
                self._all = tuple(each for found in lists for each in found)
            self._known.update({each.installation: each for each in self._all})
        return self._all

    async def find(self, name: str) -> Record | None:
        """The record by name alone; Refused when several namespaces have one."""
        found = [each for each in await self.all() if each.installation.name == name]
        if len(found) > 1:
            where = ", ".join(each.installation.namespace for each in found)
            raise Refused(f"{name} is in several namespaces: {where}", hint="Name one with -n.")
        return await self._opened(found[0] if found else None)

    async def users_of(self, installation: Installation) -> tuple[Record, ...]:
        """Those that require an installation."""
        name = str(installation)
        return tuple(each for each in await self.all() if name in each.requires.values())
