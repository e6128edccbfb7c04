"""One pod with what is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from skill_runner.objects import Object
from skill_runner.readiness.diagnosis.events import Seen
from skill_runner.readiness.diagnosis.missing_config import Missing


@dataclass(frozen=True, slots=True)
class PodView:
    """`logs` are the last lines by container, `fresh` the containers whose lines are of their last
    end and not of the one before; `arrived` is what the kubelet missed and is there by
    now; `now` is the time of the look (epoch), or 0 where that is not known."""

    pod: Object
    events: tuple[Seen, ...] = ()
    logs: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    of_job: bool = False
    answers: Mapping[str, str] = field(default_factory=dict)
    arrived: frozenset[Missing] = frozenset()
    now: float = 0.0
    fresh: frozenset[str] = frozenset()
