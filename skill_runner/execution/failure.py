"""From an exception to one Problem, a status and an exit code; evidence first, then on_failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from skill_runner.backends.kubeconfig import flags_for
from skill_runner.errors import (
    LockLost,
    SkillError,
)
from skill_runner.execution import evidence
from skill_runner.execution.state import Walk
from skill_runner.installations import releases
from skill_runner.objects import Ref
from skill_runner.outcome import NextAction, Problem
from skill_runner.outcome.from_error import cause_of, problem_of
from skill_runner.outcome.next_actions import Subject, concrete
from skill_runner.readiness.wait import Expected, Suspect, look_once


async def handle(walk: Walk, error: SkillError) -> Problem:
    """The problem, and its evidence in the run's folder: before anything is rolled back."""
    found = () if isinstance(error, LockLost) else await _collect(walk)
    problem = evidence.with_words(problem_of(error), found)
    problem = _with_next(walk, problem)
    if problem.code != "LOCKED":
        walk.notes.extend(() if not error.hint else (error.hint,))
    return problem


async def _collect(walk: Walk) -> tuple[str, ...]:
    """Collect of what looks wrong; of every ready pod where nothing does (a proof failed)."""
    if walk.suspects:
        return await _collect_of(walk, walk.suspects)
    try:
        await _collect_of(walk, await _standing(walk))
    except SkillError as error:
        walk.notes.append(f"evidence is incomplete: {cause_of(error)}")
    return ()


async def _standing(walk: Walk) -> tuple[Suspect, ...]:
    """Every container of the installation's pods; none before anything was changed."""
    world = walk.world
    if not walk.changed:
        return ()
    expected = [
        Expected.of(await releases.with_namespace(world.cluster, manifest, entry.namespace))
        for entry in walk.record.releases
        for manifest in await world.helm.manifest(entry.name, entry.namespace)
    ]
    seen = await look_once(world.cluster, world.clock, expected, policy=walk.policy())
    return tuple(
        Suspect(Ref.of(o), container["name"])
        for o in seen.objects
        if o["kind"] == "Pod"
        for container in o["spec"]["containers"]
    )


async def _collect_of(walk: Walk, suspects: Sequence[Suspect]) -> tuple[str, ...]:
    if not suspects:
        return ()
    try:
        return await evidence.collect(
            walk.world.cluster, suspects, walk.run.folder / "evidence", walk.run.redactor
        )
    except SkillError as error:
        walk.notes.append(f"evidence is incomplete: {cause_of(error)}")
        return ()


def _with_next(walk: Walk, problem: Problem) -> Problem:
    """Commands that name the installation and the cluster."""
    name = walk.plan.installation
    if not problem.next:
        actions = [NextAction(run=f"skill why {name.name} -n {name.namespace}", safe=True)]
        if problem.retryable:
            again = f"skill run {walk.plan.skill.name} --name {name.name} -n {name.namespace}"
            why = "continues where this run stopped"
            actions.insert(0, NextAction(run=again, safe=True, why=why))
        problem = replace(problem, next=tuple(actions))
    return concrete(problem, subject_of(walk))


def subject_of(walk: Walk) -> Subject:
    """The installation of a run and its cluster, for the commands that name them."""
    name = walk.plan.installation
    kubeconfig, context = flags_for(walk.world.cluster.target)
    return Subject(
        namespace=name.namespace,
        name=name.name,
        skill=walk.plan.skill.name,
        kubeconfig=kubeconfig,
        context=context,
        image_given=any(choice.is_given for choice in walk.plan.images.values()),
    )
