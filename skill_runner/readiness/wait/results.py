"""A last look → what the wait answers: notes when ready, one problem otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from skill_runner.objects import Object, Ref, at, count
from skill_runner.outcome import Problem
from skill_runner.outcome.fix import fix_of
from skill_runner.readiness.diagnosis import Judged, as_problem, root_cause
from skill_runner.readiness.diagnosis.next_actions import next_actions
from skill_runner.readiness.diagnosis.symptom import Symptom
from skill_runner.readiness.diagnosis.text import times
from skill_runner.readiness.status import Verdict
from skill_runner.readiness.wait.cache import View
from skill_runner.readiness.wait.evaluate import Look
from skill_runner.readiness.wait.expected import Suspect, WaitResult


def ready_result(seen: Look, waited: float) -> WaitResult:
    notes = tuple(
        f"{w.expected.ref}: {w.verdict.facts['note']}"
        for w in seen.watched
        if w.verdict.facts.get("note")
    )
    return WaitResult(
        state="ready", notes=notes, seconds=waited, verdicts=_verdicts(seen), objects=_objects(seen)
    )


def failed_result(
    seen: Look, root: Judged, judged: tuple[Judged, ...], view: View, waited: float
) -> WaitResult:
    problem = as_problem(root, judged, _consequences(seen, root))
    return WaitResult(
        state="failed",
        problem=problem,
        seconds=waited,
        verdicts=_verdicts(seen),
        suspects=tuple(_suspects(seen, (root, *judged))),
        objects=_objects(seen),
        events=tuple(view.of_kind("Event")),
    )


def late_result(
    seen: Look, judged: tuple[Judged, ...], view: View, waited: float, timeout: float
) -> WaitResult:
    """Too late is not failed: the deepest symptom is named all the same."""
    root = root_cause(judged)
    problem = (
        as_problem(root, judged, _consequences(seen, root))
        if root
        else _late_problem(seen, view, timeout)
    )
    return WaitResult(
        state="late",
        problem=problem,
        seconds=waited,
        verdicts=_verdicts(seen),
        suspects=tuple(_suspects(seen, judged)),
        objects=_objects(seen),
        events=tuple(view.of_kind("Event")),
    )


def _consequences(seen: Look, root: Judged) -> Iterator[str]:
    """List what is not ready because of it, and whether something older still serves."""
    for one in seen.watched:
        ref, own = one.expected.ref, one.family.owner == root.symptom.owner
        if (
            one.verdict.is_ready
            or not own
            or (ref.kind, ref.name) == (root.symptom.kind, root.symptom.name)
        ):
            continue
        yield f"status of {ref}: {one.verdict.message}"
        serving = count(one.live, "status.availableReplicas") if one.live else 0
        if serving:
            serve = "serves" if serving == 1 else "serve"
            yield f"status of {ref}: {times(serving, 'available replica')} still {serve}"


def _late_problem(seen: Look, view: View, timeout: float) -> Problem:
    late = [w for w in seen.watched if not w.verdict.is_ready]
    lines = tuple(f"{w.expected.ref}: {w.verdict.message}" for w in late[:5])
    # What cannot be read cannot be diagnosed: the reader has to know.
    lines += tuple(f"{s.kind} cannot be read: {why}" for s, why in sorted(view.forbidden.items()))
    first = str(late[0].expected.ref) if late else "everything"
    what = late[0].verdict.message if late else "it has not been ready for long enough"
    stand_in = Symptom(
        reason="",
        kind=late[0].expected.ref.kind if late else "",
        cause="",
        name=late[0].expected.ref.name if late else "",
        namespace=(late[0].expected.ref.namespace or "") if late else "",
        group=late[0].expected.ref.api_version.rpartition("/")[0] if late else "",
    )
    return Problem(
        code="NOT_READY_IN_TIME",
        resource=first,
        cause=f"not ready {f'within {timeout:g} s' if timeout else 'yet'}: {what}",
        evidence=lines,
        retryable=True,
        fix=_fix_late(late[0].expected.ref.kind if late else "", what, timeout),
        next=next_actions("NOT_READY_IN_TIME", stand_in),
    )


def _fix_late(kind: str, what: str, timeout: float) -> str:
    if "controller" in what:
        return f"Check that the controller of {kind} is installed and runs; its log says more."
    if not timeout:
        return "It may become ready by itself: look again later. `skill run` and `verify` wait."
    return fix_of("NOT_READY_IN_TIME")


def _verdicts(seen: Look) -> tuple[tuple[Ref, Verdict], ...]:
    return tuple((w.expected.ref, w.verdict) for w in seen.watched)


def _objects(seen: Look) -> tuple[Object, ...]:
    return tuple(
        o
        for o in (
            *(w.live for w in seen.watched),
            *(w.family.maker for w in seen.watched),
            *seen.pods,
            *seen.claims,
        )
        if o
    )


def _suspects(seen: Look, judged: tuple[Judged, ...]) -> Iterator[Suspect]:
    """Whatever has a symptom, the root first, each once."""
    known = {(o.get("kind"), at(o, "metadata.name")): Ref.of(o) for o in _objects(seen)}
    told = set()
    for one in judged:
        symptom = one.symptom
        ref = known.get((symptom.kind, symptom.name))
        if ref is None or (ref, symptom.container) in told:
            continue
        told.add((ref, symptom.container))
        yield Suspect(ref, symptom.container)
