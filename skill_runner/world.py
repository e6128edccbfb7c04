"""Everything outside that a run needs, in one value; built only by commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from skill_runner.backends.base import Clock, Cluster, Helm
from skill_runner.images.base import Images
from skill_runner.progress import Report, silent


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`connect` makes another connection to the same cluster, for the lock's own thread."""

    helm: Helm
    cluster: Cluster
    images: Images
    clock: Clock
    connect: Callable[[], Awaitable[Cluster]]
    report: Report = silent
