"""A cluster into a scene: the lists that a rule set's rules need, and what was not to be had."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from skill_runner.backends.base import Cluster, ResourceType, Right
from skill_runner.compliance.audit import acts
from skill_runner.compliance.governance import Governance
from skill_runner.compliance.kinds import BARE, CONFIG_MAP
from skill_runner.compliance.model import (
    ACT,
    ELSEWHERE,
    INSTALLATION,
    Installed,
    Kind,
    Proof,
    Scene,
)
from skill_runner.compliance.slim import Slimmer
from skill_runner.errors import ApiError, Forbidden, NotFound
from skill_runner.installations import store
from skill_runner.installations.record import Record
from skill_runner.objects import Object, plural_of

_AT_ONCE: Final = 4  # lists; a cluster has others to answer, too
_OURS: Final = frozenset({INSTALLATION, ELSEWHERE, ACT})  # what no list gives


@dataclass(slots=True)
class Gathered:
    """A scene, and what reading it took. `notes` are about records that cannot be read."""

    scene: Scene
    objects: int = 0
    lists: int = 0
    notes: tuple[str, ...] = ()


async def gather(
    cluster: Cluster,
    governance: Governance,
    namespaces: Sequence[str],
    *,
    now: float,
    audit_log: Path | None = None,
) -> Gathered:
    """Everything that the rules of a set read, of these namespaces or of all; nothing is written.

    A kind that may not be listed is `closed` in the scene, and its rules are unknown.
    """
    reading = _Reading(cluster, governance, tuple(namespaces))
    await reading.records()
    served = {_family(each): each for each in await cluster.resource_types()}
    limit = asyncio.Semaphore(_AT_ONCE)

    async def read(kind: Kind) -> None:
        async with limit:
            version, name = kind
            await reading.kind(kind, served.get((version.rpartition("/")[0], name)))

    await asyncio.gather(*map(read, kinds_of(governance)))
    if audit_log is not None and audit_log.is_file():
        with audit_log.open(encoding="utf-8", errors="replace") as lines:
            reading.objects[ACT] = tuple(acts(lines, reading.concerns))
    scene = Scene(
        objects=reading.objects,
        closed=reading.closed,
        installed=reading.installed,
        services=governance.services,
        now=now,
    )
    count = sum(len(found) for kind, found in reading.objects.items() if kind != ACT)
    return Gathered(scene, count, reading.lists, reading.notes)


def kinds_of(governance: Governance) -> tuple[Kind, ...]:
    """The kinds that must be listed, each once."""
    rules = [ruling.rule for ruling in governance.rulings]
    kinds = {kind for rule in rules for kind in (*rule.reads, *rule.hints)}
    return tuple(sorted(kinds - _OURS))


def rights_of(governance: Governance, namespaces: Sequence[str]) -> frozenset[Right]:
    """The rights that an audit needs: to list, and nothing else."""
    spaces: tuple[str | None, ...] = tuple(namespaces) or (None,)
    kinds = {*kinds_of(governance), CONFIG_MAP}  # records are ConfigMaps
    return frozenset(
        Right("list", version.rpartition("/")[0], plural_of(kind), space)
        for version, kind in kinds
        for space in spaces
    )


def _family(served: ResourceType) -> tuple[str, str]:
    return served.api_version.rpartition("/")[0], served.kind


@dataclass(slots=True)
class _Reading:
    cluster: Cluster
    governance: Governance
    namespaces: tuple[str, ...]
    objects: dict[Kind, tuple[Object, ...]] = field(default_factory=dict)
    closed: dict[Kind, str] = field(default_factory=dict)
    installed: tuple[Installed, ...] = ()
    notes: tuple[str, ...] = ()
    lists: int = 0
    slimmer: Slimmer = field(init=False)

    def __post_init__(self) -> None:
        self.slimmer = Slimmer(lambda space: not self.concerns(space))

    def concerns(self, namespace: str) -> bool:
        """Tell whether a namespace is looked at."""
        if self.namespaces:
            return namespace in self.namespaces
        return not self.governance.is_outside(namespace)

    async def records(self) -> None:
        """The installations of the whole cluster where they may be listed: a registry or a broker
        elsewhere answers for services here."""
        try:
            listings = [await store.list_all(self.cluster)]
        except Forbidden as error:
            self.closed[ELSEWHERE] = f"records of other namespaces: {_said(error)}"
            listings = []
            for space in self.namespaces:
                try:
                    listings.append(await store.list_all(self.cluster, space))
                except Forbidden as refused:
                    self.closed[INSTALLATION] = f"records of {space}: {_said(refused)}"
            if not self.namespaces:
                self.closed[INSTALLATION] = f"records: {_said(error)}"
        found = [record for each in listings for record in each.records]
        self.installed = tuple(self._installed(record) for record in found)
        self.notes = tuple(f"skipped: {bad}" for each in listings for bad in each.bad)

    def _installed(self, record: Record) -> Installed:
        open_inputs = {k: v for k, v in record.inputs.items() if k not in record.secret_inputs}
        return Installed(
            namespace=record.installation.namespace,
            name=record.installation.name,
            skill=record.skill,
            inputs=open_inputs,
            releases=frozenset((each.namespace, each.name) for each in record.releases),
            proofs={name: Proof(each.status, each.at) for name, each in record.proofs.items()},
            delivered_by=record.delivered_by,
            here=self.concerns(record.installation.namespace),
        )

    async def kind(self, kind: Kind, served: ResourceType | None) -> None:
        """List one kind, in the version that the cluster serves."""
        if served is None:
            return
        found: list[Object] = []
        for space in self.namespaces or (None,):
            self.lists += 1
            try:
                listed = await self.cluster.list(
                    served.api_version,
                    kind[1],
                    namespace=space,
                    pick=self.slimmer.pick,
                    bare=self._is_bare(kind),
                )
                found += listed.items
            except NotFound:
                continue  # the kind went away meanwhile
            except (Forbidden, ApiError) as error:
                where = f" in {space}" if space else ""
                self.closed[kind] = f"{plural_of(kind[1])}{where}: {_said(error)}"
        self.objects[kind] = tuple(found)

    def _is_bare(self, kind: Kind) -> bool:
        """Tell whether only the metadata is wanted: who wrote it."""
        return kind in BARE and not any(
            kind in (*ruling.rule.reads, *ruling.rule.hints)
            for ruling in self.governance.rulings
            if ruling.rule.name != "no-manual-kubectl"
        )


def _said(error: Forbidden | ApiError) -> str:
    return "listing them is forbidden" if isinstance(error, Forbidden) else error.message
