"""Before a step's first write: the lock is checked, and the record says what is intended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from skill_runner.installations import record
from skill_runner.progress import Changing

if TYPE_CHECKING:
    from skill_runner.execution.runner import Walk


async def begin_change(walk: Walk) -> None:
    """Before a step's first write: the lock is ours, and the record says what is intended.

    A run that fails in the middle leaves nothing that a removal would not find.
    """
    walk.check_lock()
    if not walk.changed:
        walk.changed = True
        walk.report(Changing(str(walk.plan.installation)))
    intended = replace(walk.record, complete=False)
    if walk.written != intended:
        await record.write(walk.world.cluster, intended)
        walk.written = intended
