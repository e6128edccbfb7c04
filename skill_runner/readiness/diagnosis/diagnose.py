"""Many symptoms → the one cause to name, once a row of the policy makes one of them terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from skill_runner.outcome import Problem
from skill_runner.outcome.fix import fix_of
from skill_runner.readiness.diagnosis.failure_policy import FailurePolicy, Row
from skill_runner.readiness.diagnosis.next_actions import next_actions
from skill_runner.readiness.diagnosis.symptom import Symptom
from skill_runner.readiness.diagnosis.text import plain, squeeze
from skill_runner.readiness.diagnosis.timeline import Ledger

EVIDENCE_LINES = 7
OWN_LINES = 4  # of the symptom itself, so that its consequences have room
EVIDENCE_WIDTH = 300
CAUSE_WIDTH = 600
AWAITING = 10  # of depth: a client's crash comes after its server's failing probe


@dataclass(frozen=True, slots=True)
class Judged:
    """A symptom against its row: `left` are the seconds until it is terminal (0 when it is)."""

    symptom: Symptom
    row: Row
    left: float

    @property
    def terminal(self) -> bool:
        return self.left <= 0


def judge(
    symptoms: Iterable[Symptom], policy: FailurePolicy, ledger: Ledger, now: float
) -> tuple[Judged, ...]:
    """Each symptom with the seconds that it still has."""
    return tuple(_judge(s, policy.row(s.reason), ledger, now) for s in symptoms)


def _judge(symptom: Symptom, row: Row, ledger: Ledger, now: float) -> Judged:
    left = symptom.grace + row.budget - ledger.age(symptom, now)
    if row.restarts is not None and ledger.restarts(symptom) >= row.restarts:
        left = 0.0
    if row.repeats is not None and ledger.repeats(symptom) >= row.repeats:
        left = 0.0
    if ledger.sightings(symptom) < row.sightings:
        # Not before it is seen again; a look is due then, so no time is set.
        left = max(left, float("inf"))
    return Judged(symptom, row, max(0.0, left))


def root_cause(judged: Iterable[Judged]) -> Judged | None:
    """The deepest symptom, and of equal ones the one that explains most others; None for none.

    Once something is terminal, that is what ends the wait; something that may still pass is the
    cause then only where it is deeper in the same workload.
    """
    found = [j for j in judged if not j.row.transient]
    if not found:
        return None
    ends = [j for j in found if j.terminal]
    root = _deepest(ends or found)
    own = [j for j in found if _workload(j) == _workload(root) and j.row.depth > root.row.depth]
    return _deepest(own) if own else root


def _workload(judged: Judged) -> str:
    symptom = judged.symptom
    return symptom.owner or f"{symptom.kind} {symptom.name}"


def _deepest(found: Sequence[Judged]) -> Judged:
    alike: dict[tuple[str, str], int] = {}
    for one in found:
        group = (one.row.code, one.symptom.subject or one.symptom.owner)
        alike[group] = alike.get(group, 0) + 1

    def rank(one: Judged) -> tuple[int, int, bool]:
        group = (one.row.code, one.symptom.subject or one.symptom.owner)
        # What waits for another is not the cause of that other's trouble.
        depth = one.row.depth - (AWAITING if one.symptom.awaits else 0)
        return depth, alike[group], bool(one.symptom.container)

    return max(found, key=rank)


def as_problem(
    root: Judged, others: Iterable[Judged] = (), consequences: Iterable[str] = ()
) -> Problem:
    """The root as a Problem; its evidence: its own lines, what it leads to, and the others."""
    others = tuple(others)
    lines = [*root.symptom.lines[:OWN_LINES], *consequences]
    same = [o for o in others if o is not root and o.row.code == root.row.code]
    if same:
        where = ", ".join(o.symptom.resource for o in same[:3])
        lines.append(f"also {root.row.code} in {len(same)} more: {where}")
    different = [o for o in others if o.row.code != root.row.code and not o.row.transient]
    lines += [f"also: {o.symptom.resource}: {o.symptom.cause}" for o in different[:2]]
    symptom = root.symptom
    # Its end is what goes: excerpts stand there, and one that lost its opening mark would read like
    # a word of ours.
    cause = plain(symptom.cause)
    return Problem(
        code=root.row.code,
        resource=symptom.resource,
        cause=cause if len(cause) <= CAUSE_WIDTH else cause[: CAUSE_WIDTH - 1] + "…",
        evidence=tuple(squeeze(plain(line), EVIDENCE_WIDTH) for line in lines[:EVIDENCE_LINES]),
        retryable=root.row.retryable,
        fix=fix_of(root.row.code),
        next=next_actions(root.row.code, symptom),
    )
