"""One row of the failure policy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from skill_runner.outcome import Code

NEVER: Final = math.inf


@dataclass(frozen=True, slots=True)
class Row:
    """One reason. It is terminal once it has lasted `budget` seconds beyond any grace of its own,
    or has restarted its container `restarts` times, and was sighted `sightings` times at least; or
    once a container has ended `repeats` times in the same way and waits for nothing.

    `depth` orders causes: of several symptoms the deepest is named. `retryable` says whether the
    same command, run again later, may succeed without a change.
    """

    reason: str
    code: Code
    budget: float
    depth: int
    why: str
    sightings: int = 1
    restarts: int | None = None
    retryable: bool = False
    repeats: int | None = None

    @property
    def transient(self) -> bool:
        return math.isinf(self.budget) and self.restarts is None
