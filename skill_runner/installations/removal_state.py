"""The state of one removal, and what it did: the only mutable value, no older than its lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from skill_runner.backends.world import World
from skill_runner.errors import NotFound
from skill_runner.installations import store
from skill_runner.installations.data import Occasion
from skill_runner.installations.deletion import Leaving
from skill_runner.installations.lock import Guard
from skill_runner.installations.record import Record
from skill_runner.objects import Ref


@dataclass(slots=True)
class Removed:
    """The account of a removal, in words.

    `kept` was seen in the cluster after everything else was gone; `lost` was to be kept and is not
    there; `left` belongs to others.
    """

    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RunGuard:
    """The lock of a run, as a removal asks for it."""

    check: Callable[[], None]
    expect_gone: Callable[[bool], None]


@dataclass(slots=True)
class Removal:
    """One removal under way. `to_keep` are uids, of what must be there when it is done."""

    world: World
    target: Record
    held: Guard
    purge: bool
    timeout: float
    done: Removed = field(default_factory=Removed)
    to_keep: dict[Ref, str] = field(default_factory=dict)
    leaving: list[Leaving] = field(default_factory=list)

    @property
    def occasion(self) -> Occasion:
        return Occasion.PURGE if self.purge else Occasion.REMOVAL

    async def write(self, target: Record) -> None:
        """Write the record where it says something else than the cluster has."""
        self.held.check()
        if target != self.target:
            await store.write(self.world.cluster, target)
            self.target = target

    async def remember(self, more: Sequence[Leaving]) -> None:
        """Before its owner goes: what is deleted after it, so that the next removal finds it."""
        leaving = {**self.target.leaving, **{each.ref: each.uid for each in more}}
        await self.write(replace(self.target, leaving=leaving))

    async def look_again(self) -> None:
        """Tell of what was to be kept whether it is there: by the cluster, not by intent."""
        for ref, uid in self.to_keep.items():
            try:
                meta = (await self.world.cluster.get(ref))["metadata"]
            except NotFound:
                meta = {}
            stays = meta.get("uid") == uid and not meta.get("deletionTimestamp")
            (self.done.kept if stays else self.done.lost).append(str(ref))
