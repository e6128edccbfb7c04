"""An outcome as plain data and as JSON of a bounded size, without secrets."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any, Final

from skill_runner.outcome.types import SCHEMA, EdgeResult, Outcome, Problem, SkillResult
from skill_runner.progress import StepResult
from skill_runner.text.redact import Redactor, strip_control

LIMIT: Final = 4096  # bytes; lists and evidence are cut to stay under it


def to_dict(outcome: Outcome) -> dict[str, Any]:
    """The document as plain data; parts that are empty and carry no meaning are left out."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "run": outcome.run,
        "installation": outcome.installation,
        "version": outcome.version,
        "status": outcome.status,
        "exit_code": outcome.exit_code,
        "changed": outcome.changed,
        "seconds": round(outcome.seconds, 1),
        "cluster": dict(outcome.cluster),
        "steps": [_step(s) for s in outcome.steps],
        "proof": dict(outcome.proof),
        "outputs": dict(outcome.outputs),
    }
    if outcome.skills:
        document["skills"] = [_skill(s) for s in outcome.skills]
    if outcome.critical_path:
        document["critical_path"] = list(outcome.critical_path)
    if outcome.edges:
        document["edges"] = [_edge(e) for e in outcome.edges]
    if outcome.notes:
        document["notes"] = list(outcome.notes)
    if outcome.problem:
        document["problem"] = _problem(outcome.problem)
    if outcome.recovery:
        document["recovery"] = asdict(outcome.recovery)
    document["details"] = outcome.details
    return document


def _step(step: StepResult) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": step.id,
        "status": step.status,
        "seconds": round(step.seconds, 1),
    }
    if step.message:
        document["message"] = step.message
    return document


def _skill(line: SkillResult) -> dict[str, Any]:
    document: dict[str, Any] = {
        "installation": line.installation,
        "skill": line.skill,
        "version": line.version,
        "status": line.status,
        "seconds": round(line.seconds, 1),
    }
    if line.requires:
        document["requires"] = list(line.requires)
    if line.message:
        document["message"] = line.message
    return document


def _edge(edge: EdgeResult) -> dict[str, Any]:
    document: dict[str, Any] = {
        "from": edge.origin,
        "to": edge.target,
        "by": edge.by,
        "status": edge.status,
        "seconds": round(edge.seconds, 1),
    }
    if edge.message:
        document["message"] = edge.message
    return document


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "resource": problem.resource,
        "cause": problem.cause,
        "evidence": list(problem.evidence),
        "retryable": problem.retryable,
        **({"fix": problem.fix} if problem.fix else {}),
        "next": [
            {"run": n.run, "safe": n.safe, **({"why": n.why} if n.why else {})}
            for n in problem.next
        ],
        "remedy": f"docs/reference/problems/{problem.code}.md",
    }


def to_json(outcome: Outcome) -> str:
    """The document on one line, never over LIMIT bytes: `_cut` says what goes first."""
    text = json.dumps(to_dict(outcome), ensure_ascii=False)
    attempt = outcome
    for keep in (8, 4, 2, 1, 0):
        if len(text.encode()) < LIMIT:
            return text
        attempt = _cut(outcome, keep)
        text = json.dumps({**to_dict(attempt), "truncated": True}, ensure_ascii=False)
    for room in (400, 100, 25):
        if len(text.encode()) < LIMIT:
            return text
        clipped = _clipped({**to_dict(attempt), "truncated": True}, room)
        text = json.dumps(clipped, ensure_ascii=False)
    return text


def _clipped(value: Any, room: int) -> Any:
    """The last resort, for a caller's own huge names and values: texts of at most `room`
    characters, lists and mappings of at most 12; a command that would be cut is left out."""
    if isinstance(value, str):
        return _short(value, room)
    if isinstance(value, list):
        whole = [v for v in value if not isinstance(v, dict) or len(v.get("run", "")) <= room]
        return [_clipped(v, room) for v in whole[:12]]
    if isinstance(value, dict):
        known = value if "schema" in value else dict(list(value.items())[:12])
        return {_short(key, room): _clipped(v, room) for key, v in known.items()}
    return value


def _cut(outcome: Outcome, keep: int) -> Outcome:
    """Evidence, notes and step messages go first; code, resource, next and outputs not here."""
    width = 60 + 60 * keep
    problem = outcome.problem
    if problem:
        problem = replace(
            problem,
            cause=_short(problem.cause, 200 + width),
            evidence=tuple(_short(line, width) for line in problem.evidence[:keep]),
        )
    steps = outcome.steps
    if keep < 4:
        steps = tuple(replace(s, message=_short(s.message, width)) for s in steps)
    if keep < 2:
        steps = tuple(s for s in steps if s.status not in ("done", "unchanged", "skipped"))[:10]
    notes = tuple(_short(n, width) for n in outcome.notes[:keep])
    recovery = outcome.recovery
    if recovery:
        recovery = replace(recovery, message=_short(recovery.message, 200 + width))
    return replace(
        outcome,
        problem=problem,
        recovery=recovery,
        steps=steps,
        notes=notes,
        edges=tuple(replace(e, message=_short(e.message, width)) for e in outcome.edges),
        skills=_cut_skills(outcome.skills, keep),
    )


def _cut_skills(lines: tuple[SkillResult, ...], keep: int) -> tuple[SkillResult, ...]:
    """Leave out what went well last of all, and first of the lines."""
    if keep < 8:
        lines = tuple(replace(s, message=_short(s.message, 60 + 60 * keep)) for s in lines)
    if keep < 2:
        fine = ("used", "unchanged", "ready", "removed")
        lines = (
            *(s for s in lines if s.status not in fine),
            *(s for s in lines if s.status in fine),
        )
        lines = tuple(replace(s, requires=()) for s in lines[: 6 + 6 * keep])
    return lines


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def redacted(outcome: Outcome, redactor: Redactor) -> Outcome:
    """The outcome without secret values, and without control characters, in all its free texts."""

    def clean(text: str) -> str:
        return redactor.text(strip_control(text))

    problem = outcome.problem
    if problem:
        problem = replace(
            problem,
            resource=strip_control(problem.resource),
            cause=clean(problem.cause),
            fix=clean(problem.fix),
            evidence=tuple(clean(line) for line in problem.evidence),
            next=tuple(replace(n, run=clean(n.run), why=clean(n.why)) for n in problem.next),
        )
    recovery = outcome.recovery
    if recovery:
        recovery = replace(recovery, message=clean(recovery.message))
    return replace(
        outcome,
        recovery=recovery,
        installation=strip_control(outcome.installation),
        problem=problem,
        skills=tuple(replace(s, message=clean(s.message)) for s in outcome.skills),
        steps=tuple(replace(s, message=clean(s.message)) for s in outcome.steps),
        proof={key: clean(said) for key, said in outcome.proof.items()},
        edges=tuple(replace(e, message=clean(e.message)) for e in outcome.edges),
        outputs=redactor.data(dict(outcome.outputs)),
        notes=tuple(clean(note) for note in outcome.notes),
    )
