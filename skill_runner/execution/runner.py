"""Walk one Plan against a cluster: steps, implicit waits, proofs; one StepResult each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from skill_runner.backends.world import World, cluster_of
from skill_runner.errors import SkillError
from skill_runner.execution import (
    failure,
    proofs,
    prune,
    rollback,
    steps,
    undo_command,
)
from skill_runner.execution.stability import close, settle
from skill_runner.execution.state import Options, Walk
from skill_runner.installations import record, store
from skill_runner.installations.lock import Held
from skill_runner.installations.namespaces import Space
from skill_runner.installations.record import Record, ReleaseRecord
from skill_runner.installations.record_data import same_but_times
from skill_runner.outcome import Outcome, Problem, Recovery, from_error
from skill_runner.plan import Plan
from skill_runner.progress import StepFinished, StepResult, StepStarted
from skill_runner.runs.folder import Run


async def run_plan(
    plan: Plan,
    world: World,
    run: Run,
    held: Held,
    old: Record | None,
    options: Options,
    *,
    space: Space,
    asked: bool = True,
) -> Outcome:
    """Make the installation ready, and prove it. Never raises for what it can diagnose.

    The record is written before the first change and after the last, so that a run that dies in
    between is continued by the next.
    """
    started = world.clock.monotonic()
    now, made = world.clock.now(), space.created
    intended = record.intend(old, plan, now=now, created_namespace=made, asked=asked)
    walk = Walk(
        plan=plan,
        world=world,
        run=run,
        options=options,
        check_lock=held.check,
        expect_gone=held.expect_gone,
        record=intended.remembering(space.uids),
    )
    error = None
    try:
        await _carry_out(walk, old)
    except (SkillError, asyncio.CancelledError) as caught:
        error = _cause(caught, held)
    finally:
        await close(walk)
    problem, recovery = await _recover(walk, error, old) if error else (None, None)
    outcome = replace(_outcome(walk, error, problem), recovery=recovery)
    return replace(outcome, seconds=world.clock.monotonic() - started)


async def _carry_out(walk: Walk, old: Record | None) -> None:
    await prune.prune_what_works_by_itself(walk)
    await _walk_steps(walk, old)
    await prune.prune(walk)
    await proofs.prove(walk, old)
    await settle(walk)
    await _finish_record(walk, old)


async def _recover(
    walk: Walk, error: SkillError, old: Record | None
) -> tuple[Problem, Recovery | None]:
    """Diagnose, then undo as the skill says, or tell how the caller can."""
    problem = await failure.handle(walk, error)
    recovery = await rollback.undo(walk, error, old)
    continued = old is not None and old.good is not None
    settled = recovery is not None and recovery.status in ("ready", "done")
    if not settled and (walk.changed or continued):
        given_up = await _give_up(walk, error)
        problem = undo_command.with_way_back(walk, problem, old, given_up=given_up)
    return problem, recovery


def _cause(caught: SkillError | asyncio.CancelledError, held: Held) -> SkillError:
    """Find why the run ended. A cancellation is raised on; a failure that it brought about is not
    one, and a lock that is lost is what cancelled."""
    if (loss := held.loss()) is not None:
        return loss
    task = asyncio.current_task()
    if isinstance(caught, SkillError) and not (task and task.cancelling()):
        return caught
    raise asyncio.CancelledError from caught


async def _walk_steps(walk: Walk, old: Record | None) -> None:
    """Every step in order; the rest is `not run` after a failure."""
    for position, step in enumerate(walk.plan.steps):
        walk.report(StepStarted(step.id, steps.title(step)))
        began = walk.world.clock.monotonic()
        try:
            status, message = await steps.perform(walk, step, old)
        except (SkillError, asyncio.CancelledError) as error:
            status = "failed" if isinstance(error, SkillError) else "interrupted"
            words = from_error.cause_of(error, own=True)
            _finish(walk, step.id, status, began, words)
            for left in walk.plan.steps[position + 1 :]:
                walk.results.append(StepResult(id=left.id, status="not run"))
            raise
        _finish(walk, step.id, status, began, message)


def _finish(walk: Walk, step: str, status: Any, began: float, message: str) -> None:
    seconds = walk.world.clock.monotonic() - began
    result = StepResult(id=step, status=status, seconds=seconds, message=message)
    walk.results.append(result)
    walk.report(StepFinished(result))


async def _as_stands(walk: Walk, entry: ReleaseRecord) -> ReleaseRecord:
    """With the revision that is ready and proven now: what a failure later goes back to."""
    found = await walk.world.helm.get(entry.name, entry.namespace)
    return replace(entry, revision=found.revision, uid=found.uid) if found else entry


async def _give_up(walk: Walk, error: SkillError) -> bool:
    """Keep what failed out of the installation: the next run goes by what was ready last.

    False for a run that only ran out of time, or lost its cluster or lock: the next continues it.
    """
    if isinstance(error, rollback.LEFT_ALONE):
        return False
    try:
        walk.check_lock()
        await store.write(walk.world.cluster, record.given_up(walk.record))
    except SkillError as caught:
        walk.notes.append(f"the record was not written: {from_error.cause_of(caught)}")
        return False
    return True


async def _finish_record(walk: Walk, old: Record | None) -> None:
    """Write what stands now, unless it is what the record says already."""
    new = replace(walk.record, complete=True, proven=True, good=None)
    if walk.changed:
        new = replace(new, releases=tuple([await _as_stands(walk, r) for r in new.releases]))
    if old is not None and same_but_times(old, new):
        return
    walk.check_lock()
    await store.write(walk.world.cluster, replace(new, updated=walk.world.clock.now()))


def _outcome(walk: Walk, error: SkillError | None, problem: Problem | None) -> Outcome:
    plan = walk.plan
    outputs: Mapping[str, Any] = plan.outputs if error is None else {}
    base = Outcome(
        status="ready" if walk.changed else "unchanged",
        run=walk.run.id,
        installation=str(plan.installation),
        version=plan.skill.version,
        changed=walk.changed,
        cluster=cluster_of(walk.world),
        steps=tuple(walk.results),
        proof=walk.proof,
        outputs=outputs,
        notes=tuple(walk.notes),
        details=str(walk.run.folder),
    )
    if error is None:
        return base
    status, code = from_error.status_of(error)
    return replace(base, status=status, exit_code=code, problem=problem)
