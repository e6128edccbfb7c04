"""One consistent look, for those who ask what is wrong now: everything is listed once, and what
that leads to (children, events, last log lines) after it. Nothing is watched, no time passes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from skill_runner.backends.base import Clock, Cluster
from skill_runner.errors import Forbidden, NotFound
from skill_runner.objects import Object, at, condition, is_false
from skill_runner.readiness.diagnosis import FailurePolicy, Ledger, judge, root_cause
from skill_runner.readiness.diagnosis.crash import past_ends, recent_ends
from skill_runner.readiness.diagnosis.recovery import epoch
from skill_runner.readiness.diagnosis.symptom import Symptom
from skill_runner.readiness.wait.cache import View
from skill_runner.readiness.wait.channels import Sorter, channels, read
from skill_runner.readiness.wait.evaluate import Look, look
from skill_runner.readiness.wait.expected import Expected, WaitResult
from skill_runner.readiness.wait.lookups import Lookups
from skill_runner.readiness.wait.loop import with_rules
from skill_runner.readiness.wait.results import failed_result, late_result, ready_result
from skill_runner.readiness.wait.scope import child_selections, event_selections, target_selections
from skill_runner.readiness.wait.selection import Selection
from skill_runner.readiness.wait.verdicts import rule_for
from skill_runner.skill.model import WaitRule

ROUNDS: Final = 8  # targets, children, their children, events, answers: five, and some to spare


async def look_once(
    cluster: Cluster,
    clock: Clock,
    objects: Sequence[Expected],
    *,
    rules: tuple[WaitRule, ...] = (),
    policy: FailurePolicy,
) -> WaitResult:
    """Say what a wait would say of the objects if it had begun when they were made.

    `failed` when a row of the policy is over by the objects' own times, `late` for what is not
    ready and may become so. Raises ClusterUnreachable when nobody answers.
    """
    made = [replace(o, made=True) for o in objects]
    one = _Once(cluster, clock, with_rules(made, rules), rules)
    try:
        seen = await one.look()
    finally:
        await one.lookups.close()
    symptoms = (*seen.symptoms, *one.recently_ended(seen))
    judged = judge(symptoms, policy, one.ledger(seen, symptoms), clock.monotonic())
    if seen.all_ready and not symptoms:
        ready = ready_result(seen, 0.0)
        past = (text for pod in seen.pods for text in past_ends(pod, clock.now()))
        return replace(ready, notes=(*ready.notes, *past))
    root = root_cause(judged)
    if root and any(j.terminal for j in judged):
        return failed_result(seen, root, judged, one.view, 0.0)
    return late_result(seen, judged, one.view, 0.0, 0.0)


class _Once:
    """The growing view of one look."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        objects: tuple[Expected, ...],
        rules: tuple[WaitRule, ...],
    ) -> None:
        self._cluster, self._clock, self._objects, self._rules = cluster, clock, objects, rules
        self._skipped = frozenset(
            str(o.ref) for o in objects if (r := rule_for(o, rules)) and r.skip is not None
        )
        self.view = View()
        self.lookups = Lookups(cluster, clock, lambda: None)

    async def look(self) -> Look:
        """List, look, and list what the look leads to, until it leads no further."""
        asked: set[Selection] = set()
        seen = self._see()
        for _ in range(ROUNDS):
            missing = self._wanted(seen) - asked
            asked |= missing
            await asyncio.gather(*(self._list(*each) for each in channels(missing).items()))
            seen = self._see()
            settled = await self.lookups.settle()
            if settled:
                seen = self._see()
            if not settled and not self._wanted(seen) - asked:
                break
        return seen

    def _see(self) -> Look:
        return look(self._objects, self._rules, self.view, self.lookups, self._clock.now())

    def _wanted(self, seen: Look) -> set[Selection]:
        awaited = tuple(o for o in self._objects if str(o.ref) not in self._skipped)
        return {
            *target_selections(self._objects, self._skipped),
            *child_selections(awaited, self.view),
            *event_selections(seen.troubled),
        }

    async def _list(self, query: Selection, members: frozenset[Selection]) -> None:
        try:
            served, version = await read(self._cluster, Sorter(query, members))
        except NotFound:
            for one in members:
                self.view.mark_absent(one)
        except Forbidden as error:
            for one in members:
                self.view.mark_forbidden(one, error.message)
        else:
            for one, items in served.items():
                self.view.replace(one, items, version)

    def recently_ended(self, seen: Look) -> Iterator[Symptom]:
        """Containers that are ready at this moment and ended with an error a moment ago: between
        two crashes everything looks well."""
        for pod in seen.pods:
            yield from recent_ends(pod, self._clock.now())

    def ledger(self, seen: Look, symptoms: Sequence[Symptom]) -> Ledger:
        """Note what a wait that began earlier would have noted, by the objects' own times."""
        now, epoch = self._clock.monotonic(), self._clock.now()
        known: dict[str, Any] = {
            str(at(o, "metadata.uid")): o
            for o in (
                *seen.pods,
                *seen.claims,
                *(w.live for w in seen.watched if w.live),
                *(w.family.maker for w in seen.watched if w.family.maker),
            )
        }
        made = Ledger()
        made.note(symptoms, now)
        for symptom in symptoms:
            since = _since(known.get(symptom.uid, {}))
            made.first[symptom.key] = now - max(0.0, epoch - since) if since else now
        return made


def _since(obj: Object) -> float:
    """Since when an object is not ready (epoch): its condition's time, or since it was made."""
    found = condition(obj, "Ready")
    text = at(found, "lastTransitionTime") if found and is_false(found) else None
    return epoch(text or at(obj, "metadata.creationTimestamp"))
