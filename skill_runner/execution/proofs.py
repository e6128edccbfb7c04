"""Functional proofs: run those that apply, or look at the last one when nothing changed."""

from __future__ import annotations

from dataclasses import replace

from skill_runner.errors import HookFailed, StepFailed
from skill_runner.execution.stability import meanwhile
from skill_runner.execution.state import Walk
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
        words = await meanwhile(walk, lambda: call(walk.plan.skill, proof, walk.context()))
    except HookFailed as error:
        walk.proof[proof.id] = "failed"
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
