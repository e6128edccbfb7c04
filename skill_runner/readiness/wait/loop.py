"""Wait until everything is ready, something is terminally wrong, or the time is over.

Event-driven: each change of a followed object leads to a new look at once; timers exist for
budgets, the stability window and the deadline only.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from skill_runner.backends.base import Clock, Cluster
from skill_runner.progress import Awaiting, ObjectState, Report
from skill_runner.readiness.diagnosis import FailurePolicy, Judged, Ledger, judge, root_cause
from skill_runner.readiness.diagnosis.symptom import Symptom
from skill_runner.readiness.diagnosis.text import LOG_OF
from skill_runner.readiness.wait.cache import View
from skill_runner.readiness.wait.evaluate import Look, look
from skill_runner.readiness.wait.expected import Expected, WaitResult
from skill_runner.readiness.wait.lookups import Lookups
from skill_runner.readiness.wait.request import WaitRequest, Witness, request_data
from skill_runner.readiness.wait.results import failed_result, late_result, ready_result
from skill_runner.readiness.wait.scope import child_selections, event_selections, target_selections
from skill_runner.readiness.wait.selection import Selection
from skill_runner.readiness.wait.stability import Steady
from skill_runner.readiness.wait.verdicts import rule_for
from skill_runner.readiness.wait.watches import Streams
from skill_runner.skill.model import WaitRule
from skill_runner.tasks import ended

LONGEST_SLEEP: Final = 15.0  # seconds without a look, whatever happens
SETTLED: Final = 0.5  # seconds that it has to stand: two watches are not of one moment
ENRICH: Final = 1.0  # seconds that a terminal symptom waits for its log lines
QUIET: Final = 5.0  # seconds that a controller takes for a first look, when all is well


async def wait_ready(
    cluster: Cluster,
    clock: Clock,
    objects: Sequence[Expected],
    *,
    rules: tuple[WaitRule, ...],
    timeout: float,
    stability: float,
    policy: FailurePolicy,
    report: Report,
    when_ready: Callable[[], None] = lambda: None,
    reads_only: bool = False,
) -> WaitResult:
    """Wait for the objects; seconds throughout. Never raises for what the cluster does.

    `when_ready` is called once when everything is ready and only the stability window is left.
    With `reads_only` no failing probe's address is asked for its answer.

    A rule whose object is not among `objects` adds it: it may come into being later.
    """
    tell = _told(
        cluster,
        WaitRequest(
            objects=tuple(objects), rules=rules, timeout=timeout, stability=stability, policy=policy
        ),
    )
    wait = _Wait(
        cluster, clock, with_rules(objects, rules), rules, policy, report, reads_only=reads_only
    )
    state = "cancelled"
    try:
        result = await wait.run(timeout, stability, when_ready)
        state = result.state
        return result
    finally:
        tell(state)
        await wait.close()


def _told(cluster: Cluster, request: WaitRequest) -> Callable[[str], None]:
    if isinstance(cluster, Witness):
        return cluster.note_wait(request_data(request))
    return lambda _: None


def with_rules(objects: Sequence[Expected], rules: Sequence[WaitRule]) -> tuple[Expected, ...]:
    unmet = (r for r in rules if not any(rule_for(one, [r]) for one in objects))
    return (*objects, *map(Expected.of_rule, unmet))


class _Wait:
    """One wait: what it follows, what it remembers."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        objects: tuple[Expected, ...],
        rules: tuple[WaitRule, ...],
        policy: FailurePolicy,
        report: Report,
        *,
        reads_only: bool,
    ) -> None:
        self._clock, self._objects, self._rules = clock, objects, rules
        self._policy, self._report = policy, report
        self._bell = asyncio.Event()
        self._view = View()
        self._ledger = Ledger()
        self._streams = Streams(cluster, clock, self._view, self._bell.set)
        self._lookups = Lookups(cluster, clock, self._bell.set, reads_only=reads_only)
        self._skipped = frozenset(
            str(o.ref) for o in objects if (r := rule_for(o, rules)) and r.skip is not None
        )
        self._shown: tuple[ObjectState, ...] = ()
        self._terminal_since: float | None = None

    async def close(self) -> None:
        await self._streams.close()
        await self._lookups.close()

    async def run(
        self, timeout: float, stability: float, when_ready: Callable[[], None]
    ) -> WaitResult:
        started = self._clock.monotonic()
        steady = Steady(stability)
        self._follow(())
        while True:
            self._bell.clear()
            seen, judged = self._look()
            now = self._clock.monotonic()
            hold = steady.left(
                ready=seen.all_ready and self._settled(),
                doubt=seen.doubt,
                unproven=seen.unproven,
                pulse=seen.pulse,
                relapse=seen.relapse,
                now=now,
            )
            waited = now - started
            if hold is not None and steady.certain and not seen.unproven:
                when_ready()
            if hold == 0.0:
                return ready_result(seen, waited)
            if hold is None and (root := self._terminal(judged, now)):
                return failed_result(seen, root, judged, self._view, waited)
            if waited >= timeout:
                return late_result(seen, judged, self._view, waited, timeout)
            self._show(seen, judged)
            self._follow(event_selections(seen.troubled))
            await self._sleep(self._next(judged, hold, timeout - waited))

    def _follow(self, events: Iterable[Selection]) -> None:
        self._streams.follow(
            {
                *target_selections(self._objects, self._skipped),
                *child_selections(self._awaited(), self._view),
                *events,
            }
        )

    def _awaited(self) -> tuple[Expected, ...]:
        return tuple(o for o in self._objects if str(o.ref) not in self._skipped)

    def _settled(self) -> bool:
        """Tell whether everything that should be followed has been listed once."""
        wanted = target_selections(self._objects, self._skipped) | child_selections(
            self._awaited(), self._view
        )
        return wanted <= self._view.synced

    def _look(self) -> tuple[Look, tuple[Judged, ...]]:
        seen = look(self._objects, self._rules, self._view, self._lookups, self._clock.now())
        now = self._clock.monotonic()
        for pod in seen.pods:
            self._ledger.note_pod(pod, now)
        symptoms = (*seen.symptoms, *self._unreachable())
        self._ledger.note(symptoms, now)
        return seen, judge(symptoms, self._policy, self._ledger, now)

    def _unreachable(self) -> tuple[Symptom, ...]:
        if self._streams.unreachable_since is None:
            return ()
        cause = "the API server does not answer"
        return (
            Symptom(
                reason="ClusterUnreachable", kind="Cluster", name="", namespace="", cause=cause
            ),
        )

    def _terminal(self, judged: tuple[Judged, ...], now: float) -> Judged | None:
        """The root cause once a row makes a symptom terminal, and its log lines had a moment."""
        if not any(j.terminal for j in judged):
            self._terminal_since = None
            return None
        if self._terminal_since is None:
            self._terminal_since = now
        root = root_cause(judged)
        patience = ENRICH if root and needs_words(root) else SETTLED
        return root if now - self._terminal_since >= patience else None

    def _next(self, judged: tuple[Judged, ...], hold: float | None, remaining: float) -> float:
        times = [LONGEST_SLEEP, remaining]
        times += [j.left for j in judged if not math.isinf(j.left)]
        times += [_quiet(j) - _age(j) for j in judged if _is_early(j)]
        if hold is not None:
            times.append(hold)
        if self._terminal_since is not None:
            times = [t if t > 0 else SETTLED for t in times]
        return max(0.001, min(times))

    async def _sleep(self, seconds: float) -> None:
        """Sleep until something changes, at most so long."""
        if self._bell.is_set():
            await asyncio.sleep(0)
            return
        alarm = asyncio.ensure_future(self._clock.sleep(seconds))
        bell = asyncio.ensure_future(self._bell.wait())
        try:
            await asyncio.wait({alarm, bell}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await ended(alarm, bell)

    def _show(self, seen: Look, judged: tuple[Judged, ...]) -> None:
        """Tell whoever watches, when anything is different from before."""
        states = tuple(
            ObjectState(
                str(w.expected.ref),
                w.verdict.state,
                w.verdict.message,
                *_warning(w.family.owner, str(w.expected.ref), judged),
            )
            for w in seen.watched
        )
        if states != self._shown:
            self._shown = states
            self._report(Awaiting(states))


def needs_words(root: Judged) -> bool:
    """Tell whether its log lines or its probe's answer are still on their way."""
    return root.row.code in (
        "CRASH_LOOP",
        "OUT_OF_MEMORY",
        "JOB_FAILED",
        "HOOK_FAILED",
        "COMMAND_NOT_FOUND",
    ) and not any(line.startswith(LOG_OF) for line in root.symptom.lines)


def _warning(owner: str, ref: str, judged: tuple[Judged, ...]) -> tuple[str, float | None]:
    """The line of why as soon as something looks wrong, and the seconds that it may last."""
    own = [
        j
        for j in judged
        if (j.symptom.owner == owner or j.symptom.resource == ref) and not _is_early(j)
    ]
    root = root_cause(own)
    if root is None:
        return "", None
    return root.symptom.cause, root.left if 0 < root.left < math.inf else None


def _is_early(judged: Judged) -> bool:
    """Tell whether nothing is wrong yet: a late report looks like one that never comes."""
    return not judged.terminal and _age(judged) < _quiet(judged)


def _quiet(judged: Judged) -> float:
    return QUIET if judged.row.code == "NOT_OBSERVED" else judged.symptom.quiet


def _age(judged: Judged) -> float:
    return judged.row.budget + judged.symptom.grace - judged.left
