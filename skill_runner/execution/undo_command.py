"""After a change that failed: what the run changed, and the command that undoes it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from skill_runner.execution.failure import subject_of
from skill_runner.execution.state import Walk
from skill_runner.outcome import NextAction, Problem
from skill_runner.outcome.next_actions import concrete
from skill_runner.skill.schema import shown

if TYPE_CHECKING:
    from skill_runner.installations.record import Record

_WIDEST: Final = 80  # characters of a value; a longer one is no argument of a command to read
_MOST: Final = 5


def with_way_back(walk: Walk, problem: Problem, old: Record | None, *, given_up: bool) -> Problem:
    """The problem with the command that undoes the change; the change itself is a note. It may be
    an earlier run's, which this one continued.

    `given_up`: the next run goes by what was ready last, by itself; otherwise it continues, and
    the old values must be named. Nothing is added where no installation was ready before, or where
    no input differs.
    """
    good = walk.record.good
    changed = _changed(walk, good.inputs) if good else {}
    if not changed:
        return problem
    listed = [f"{name}: {shown(old)} → {shown(new)}" for name, (old, new) in changed.items()]
    more = f" and {len(listed) - _MOST} more" if len(listed) > _MOST else ""
    before = old.inputs if old and old.good else {}
    continued = all(before.get(name) == new for name, (_, new) in changed.items())
    who = "a run before, which this one continued," if continued else "this run"
    walk.notes.insert(0, f"{who} changed {', '.join(listed[:_MOST])}{more}; it was ready before")
    name = walk.plan.installation
    words = ["skill", "run", walk.plan.skill.name, "--name", name.name, "-n", name.namespace]
    if not given_up:
        sets = [f"{key}={json.dumps(old, ensure_ascii=False)}" for key, (old, _) in changed.items()]
        if any(len(each) > _WIDEST for each in sets):
            return problem
        words += [word for each in sets for word in ("--set", each)]
    back = NextAction(run=shlex.join(words), safe=False, why="undoes that change")
    undoing = concrete(replace(problem, next=(back,)), subject_of(walk)).next
    return replace(problem, next=(*problem.next, *undoing))


def _changed(walk: Walk, good: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Inputs by name with the value that was ready and the new one; no secrets."""
    return {
        each.name: (good[each.name], walk.plan.inputs[each.name])
        for each in walk.plan.skill.inputs.values()
        if not each.secret and each.name in good and each.name in walk.plan.inputs
        if good[each.name] != walk.plan.inputs[each.name]
    }
