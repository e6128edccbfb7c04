"""Functional proofs: run those that apply, or look at the last one when nothing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from skill_runner.errors import HookFailed, StepFailed
from skill_runner.execution.stability import meanwhile
from skill_runner.execution.state import Walk
from skill_runner.hooks.call import GiveUp, gave_up
from skill_runner.hooks.declared import call
from skill_runner.installations.record import ProofRecord, Record
from skill_runner.outcome import NextAction, Problem
from skill_runner.outcome.fix import fix_of
from skill_runner.progress import StepFinished, StepResult, StepStarted
from skill_runner.skill.model import Proof


async def prove(walk: Walk, old: Record | None) -> None:
    """Run every proof; when nothing changed and all passed before, report their age instead."""
    fresh = walk.changed or walk.options.prove or old is None or not old.complete
    for proof in walk.plan.proofs:
        last = old.proofs.get(proof.id) if old else None
        if proof.kind == "drill" and not walk.options.drills:
            continue
        if not fresh and last is not None and last.status == "passed":
            walk.proof[proof.id] = f"passed {_age(walk.world.clock.now() - last.at)} ago"
            continue
        await run_proof(walk, proof)


async def run_proof(walk: Walk, proof: Proof) -> None:
    """Run one; StepFailed with PROOF_FAILED when it does not hold."""
    walk.report(StepStarted(proof.id, f"proof {proof.id}", "proof"))
    clock = walk.world.clock
    began = clock.monotonic()
    try:
        words = await _words(walk, proof)
    except HookFailed as error:
        walk.proof[proof.id] = "failed"
        _note_others(walk, proof)
        seconds = clock.monotonic() - began
        walk.report(StepFinished(StepResult(id=proof.id, status="failed", seconds=seconds)))
        raise StepFailed(
            f"proof {proof.id} failed: {error.message}", problem=_problem(walk, proof, error)
        ) from error
    seconds = clock.monotonic() - began
    walk.proof[proof.id] = f"passed: {words}" if isinstance(words, str) else "passed"
    walk.report(
        StepFinished(
            StepResult(id=proof.id, status="done", seconds=seconds, message=str(words or ""))
        )
    )
    passed = ProofRecord(status="passed", at=clock.now(), seconds=seconds)
    walk.record = replace(walk.record, proofs={**walk.record.proofs, proof.id: passed})


async def _words(walk: Walk, proof: Proof) -> Any:
    """Return what a proof says. A hook that answers for several proofs is called once."""
    if proof.hook not in walk.said:
        said = await meanwhile(walk, lambda: call(walk.plan.skill, proof, walk.context()))
        if not isinstance(said, Mapping):
            return said
        walk.said[proof.hook] = said
    own = walk.said[proof.hook].get(proof.id, GiveUp("it says nothing of this proof"))
    if isinstance(own, GiveUp):
        raise gave_up(f"hook {proof.hook}", own) from own
    return own


def _note_others(walk: Walk, failed: Proof) -> None:
    """Tell what the hook of a proof that failed says of its other proofs, which end here too."""
    said = walk.said.get(failed.hook, {})
    for proof in walk.plan.proofs:
        if proof.hook == failed.hook and proof.id in said:
            words = said[proof.id]
            told = "failed" if isinstance(words, GiveUp) else f"passed: {words}"
            walk.proof.setdefault(proof.id, told)


def _problem(walk: Walk, proof: Proof, error: HookFailed) -> Problem:
    name = walk.plan.installation
    if error.problem is not None:
        named: Problem = error.problem
        return named
    first, *more = error.sentence.splitlines()
    return Problem(
        code="PROOF_FAILED",
        resource=f"proof {proof.id} of {name}",
        cause=first,
        evidence=(*more, *error.listed)[:7],
        retryable=True,
        fix=fix_of("PROOF_FAILED"),
        next=(
            NextAction(run=f"skill why {name.name} -n {name.namespace}", safe=True),
            NextAction(run=f"skill verify {name.name} -n {name.namespace}", safe=True),
        ),
    )


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
