"""Everything outside that a run needs, in one value; built only by commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from skill_runner.backends.base import Clock, Cluster, Helm, Lifeline
from skill_runner.backends.fence import Fence, fence_cluster, fence_helm
from skill_runner.backends.images import Images
from skill_runner.progress import Concerns, Report, silent
from skill_runner.scope import Scope


class HeldLock(Fence, Protocol):
    """A lock that a run holds: its writes pass while it is ours, its programs live as long."""

    @property
    def lifeline(self) -> Lifeline:
        """The time until which programs that were started for the run may write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`connect` makes another connection to the same cluster, for the lock's own thread; `scope` is
    what whoever started the command lets it concern."""

    helm: Helm
    cluster: Cluster
    images: Images
    clock: Clock
    connect: Callable[[], Awaitable[Cluster]]
    report: Report = silent
    scope: Scope = field(default_factory=Scope)

    def under(self, held: HeldLock) -> World:
        """The same world for a run that holds a lock: its writes end when the lock is lost."""
        return replace(
            self,
            cluster=fence_cluster(self.cluster, held),
            helm=fence_helm(self.helm.under(held.lifeline), held),
        )

    def admit(self, installation: object, skill: str) -> None:
        """Report that the command concerns an installation; Refused where it must not."""
        self.scope.check(str(installation), skill)
        self.report(Concerns(str(installation), skill))


def cluster_of(world: World) -> dict[str, str]:
    target = world.cluster.target
    return {"context": target.context, "server": target.server}
