"""Verify an installation from its record: every object ready, then its proofs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from skill_runner.actions import request
from skill_runner.backends.world import World, cluster_of
from skill_runner.errors import NotReadyInTime, SkillError, StepFailed, UnknownSkill
from skill_runner.execution import failure, proofs
from skill_runner.execution.state import Walk
from skill_runner.hooks.call import call_hook
from skill_runner.installations import lock, releases, store
from skill_runner.installations.record import Record
from skill_runner.objects import Ref
from skill_runner.outcome import Outcome, Problem, from_error
from skill_runner.plan import (
    Installation,
    Plan,
    PlannedApply,
    PlannedHook,
    PlannedRelease,
    make_plan,
)
from skill_runner.readiness.wait import Expected, wait_ready
from skill_runner.runs.folder import Run
from skill_runner.runs.process import Holder
from skill_runner.skill.library import PATH_VARIABLE, Library
from skill_runner.skill.model import Skill


async def verify(
    world: World,
    run: Run,
    library: Library,
    name: str,
    namespace: str | None,
    *,
    observe: bool,
    timeout: float,
    hooks: bool = False,
) -> Outcome:
    """The installation as it stands now; nothing of it is changed. Times in seconds.

    With `hooks` its skill's hooks run as well: where others deliver the objects, nobody else would.
    """
    target = await request.find_record(world, name, namespace)
    run.redactor.add(store.secret_texts(target))
    plan = plan_of(target, library, await outputs_of(world, target))
    began = world.clock.monotonic()
    walk = Walk.that_reads(plan, world, run, target)
    outcome = Outcome(
        status="ready",
        run=run.id,
        installation=str(target.installation),
        version=target.version,
        cluster=cluster_of(world),
        outputs=target.outputs,
    )
    try:
        early, late = _hooks(plan) if hooks else ((), ())
        await _call(walk, early)
        await _ready(walk, target, plan, timeout, observe=observe)
        await _call(walk, late)
        await _prove(walk, plan, observe=observe)
    except SkillError as error:
        status, code = from_error.status_of(error)
        problem = await failure.handle(walk, error)
        outcome = replace(outcome, status=status, exit_code=code, problem=problem, outputs={})
    seconds = world.clock.monotonic() - began
    return replace(outcome, proof=walk.proof, notes=tuple(walk.notes), seconds=seconds)


async def _prove(walk: Walk, plan: Plan, *, observe: bool) -> None:
    """Run the proofs that disturb nothing; with `observe` those alone that only read."""
    for proof in plan.proofs:
        if proof.kind == "observe" or (proof.kind == "probe" and not observe):
            await proofs.run_proof(walk, proof)


def _hooks(plan: Plan) -> tuple[tuple[PlannedHook, ...], tuple[PlannedHook, ...]]:
    """The hooks before the plan's last objects, which these may wait for, and those after them."""
    makes = [n for n, s in enumerate(plan.steps) if isinstance(s, PlannedApply | PlannedRelease)]
    last = makes[-1] if makes else -1
    steps = [(n, step) for n, step in enumerate(plan.steps) if isinstance(step, PlannedHook)]
    return tuple(s for n, s in steps if n < last), tuple(s for n, s in steps if n > last)


async def _call(walk: Walk, hooks: Sequence[PlannedHook]) -> None:
    """Call hooks under the installation's lock."""
    if not hooks:
        return
    world, name = walk.world, walk.plan.installation
    async with lock.hold(
        world.connect, name, str(Holder.here()), world.clock, world.report, run=walk.run.id
    ) as held:
        fenced = replace(walk, world=world.under(held))
        for step in hooks:
            said = await call_hook(
                walk.plan.skill, step.hook, fenced.context(), timeout=step.timeout
            )
            if isinstance(said, str) and said:
                walk.notes.append(f"{step.hook}: {said}")


def skill_of(target: Record, library: Library) -> Skill:
    """The skill that made an installation, from the library alone.

    The record's own word of where it was is only told: hooks are code, and whoever may write a
    ConfigMap must not choose which code runs here.
    """
    try:
        return library.find(target.skill)
    except UnknownSkill as error:
        folder = target.source or f"FOLDER/{target.skill}"
        raise UnknownSkill(
            f"{target.installation} was made by the skill {target.skill}: {error.message}",
            hint=f"It was run from {folder}. If you trust what is there, name the folder that "
            f"holds it: --skills {Path(folder).parent}, or {PATH_VARIABLE}.",
        ) from error


def plan_of(target: Record, library: Library, requires: Mapping[str, Mapping[str, Any]]) -> Plan:
    """The plan that the record describes; needs the skill's folder for its proofs."""
    skill = skill_of(target, library)
    return make_plan(
        skill,
        target.installation,
        target.inputs,
        dict(target.images),
        requires,
        target.requires,
        target.key,
    )


async def outputs_of(world: World, target: Record) -> dict[str, Mapping[str, Any]]:
    """The outputs of what the record requires, by alias; StepFailed when one of them is gone."""
    outputs = {}
    for alias, name in target.requires.items():
        found = await store.read_closed(world.cluster, Installation.parse(name))
        if found is None:
            raise StepFailed(
                f"{target.installation} requires {name} as {alias}, and it is gone",
                run=f"skill run {target.skill} --name {target.installation.name}",
            )
        outputs[alias] = found.outputs
    return outputs


async def _ready(walk: Walk, target: Record, plan: Plan, timeout: float, *, observe: bool) -> None:
    expected = await expected_objects(walk.world, target, plan)
    rules = plan.wait_rules
    result = await wait_ready(
        walk.world.cluster,
        walk.world.clock,
        expected,
        rules=rules,
        timeout=timeout,
        stability=0.0,
        policy=walk.policy(),
        report=walk.report,
        reads_only=observe,
    )
    if result.state == "ready":
        return
    walk.suspects = result.suspects
    problem: Problem | None = result.problem
    kind = StepFailed if result.state == "failed" else NotReadyInTime
    raise kind(problem.cause if problem else "not ready", problem=problem)


async def expected_objects(
    world: World, target: Record, plan: Plan | None = None
) -> list[Expected]:
    """Every object that the record names, with its manifest where the plan has it; StepFailed when
    a release is gone."""
    space = target.installation.namespace
    applied = {
        Ref.of(m): m
        for step in (plan.steps if plan else ())
        if isinstance(step, PlannedApply)
        for m in [await releases.with_namespace(world.cluster, m, space) for m in step.manifests]
    }
    expected = [Expected(ref=r, manifest=applied.get(r, {}), made=True) for r in target.objects]
    for release in target.releases:
        made = await world.helm.manifest(release.name, release.namespace)
        if not made and await world.helm.get(release.name, release.namespace) is None:
            raise StepFailed(f"release {release.namespace}/{release.name} is gone")
        for manifest in made:
            placed = await releases.with_namespace(world.cluster, manifest, release.namespace)
            expected.append(Expected.of(placed, made=True))
    return expected
