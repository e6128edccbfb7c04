"""End a run from outside: ask it, ask it to hurry, kill it with all that it started.

A run that is asked cancels its work, writes its outcome and gives its lock back. One that must be
killed cannot: its outcome is written for it, and its lock is taken over by the next run.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Any, Final, Literal

from skill_runner.backends.base import Clock
from skill_runner.errors import Refused, SkillError
from skill_runner.processes.killing import kill_tree
from skill_runner.runs import detached
from skill_runner.runs.process import Holder

# `over`: it had ended before; `ended` when asked; `hurried` when asked again.
Ended = Literal["over", "ended", "hurried", "killed"]

GRACE: Final = 30.0  # seconds that a run which was asked to end may take
HASTE: Final = 15.0  # seconds more once it was asked to hurry; then it is killed
LOOK: Final = 0.1


async def end(run_id: str, clock: Clock, *, grace: float = GRACE, haste: float = HASTE) -> Ended:
    """End a run; how it ended. UsageError when there is none of that id.

    Refused when its process is not one of this machine and of this user.
    """
    holder = detached.holder_of(run_id)
    if holder.is_gone():
        return "over"
    if holder.is_gone() is None:
        raise Refused(
            f"the run {run_id} is {holder.words}, which cannot be ended from here",
            hint="Cancel it on the machine, and in the container, where it was started.",
        )
    ways: tuple[tuple[Ended, float], ...] = (("ended", grace), ("hurried", haste))
    for how, seconds in ways:
        _ask(run_id, holder)
        if await _gone(holder, seconds, clock):
            return how
    return await kill(run_id, clock)


async def kill(run_id: str, clock: Clock) -> Ended:
    """Kill a run and all that it started, and write its outcome for it."""
    holder = detached.holder_of(run_id)
    if holder.is_gone() is False:
        kill_tree(holder.pid)
    if not await _gone(holder, HASTE, clock):
        raise SkillError(
            f"the run {run_id} ({holder.words}) was killed and does not end",
            hint="It waits in the kernel, for a disk or a network file system as a rule.",
        )
    return "killed" if detached.record_killed(run_id) else "ended"


def told(run_id: str, how: Ended) -> dict[str, Any]:
    """The document about a run that was ended."""
    document = detached.look(run_id)
    return {
        "run": run_id,
        "ended": how,
        "status": document["status"],
        "changed": document["changed"],
        "installation": document["installation"],
    }


def in_words(document: Mapping[str, Any]) -> str:
    """The same for a person."""
    run, status = document["run"], document["status"].replace("_", " ")
    changed = "it had changed the cluster" if document["changed"] else "it had changed nothing"
    return {
        "over": f"{run} had ended before: {status}",
        "ended": f"{run} has ended: {status}; {changed}",
        "hurried": f"{run} ended at the second request: {status}; {changed}",
        "killed": f"{run} was killed; {changed}; the next run takes its lock over",
    }[document["ended"]]


def _ask(run_id: str, holder: Holder) -> None:
    """As Ctrl-C does; what was stopped (Ctrl-Z) is woken to hear it."""
    if holder.is_gone() is not False:
        return
    try:
        os.kill(holder.pid, signal.SIGTERM)
        os.kill(holder.pid, signal.SIGCONT)
    except ProcessLookupError:
        return
    except PermissionError:
        raise Refused(
            f"the run {run_id} is {holder.words}, which belongs to another user",
            hint="Cancel it as that user.",
        ) from None


async def _gone(holder: Holder, seconds: float, clock: Clock) -> bool:
    deadline = clock.monotonic() + seconds
    while holder.is_gone() is False:
        if clock.monotonic() >= deadline:
            return False
        await clock.sleep(LOOK)
    return True
