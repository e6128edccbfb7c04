"""Show what differs from what an installation made, and who did it; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass

from skill_runner.actions import request
from skill_runner.actions.verify import outputs_of, plan_of
from skill_runner.backends.base import HELM_MANAGER
from skill_runner.backends.world import World
from skill_runner.errors import SkillError
from skill_runner.installations.drift import Change, find_changes
from skill_runner.installations.record import Record
from skill_runner.installations.releases import as_helm_applies
from skill_runner.plan import Plan, PlannedApply
from skill_runner.skill.library import Library


@dataclass(frozen=True, slots=True)
class Drift:
    """The differences of one installation; `notes` say what was not compared."""

    installation: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()


async def drift(world: World, library: Library, name: str, namespace: str | None) -> Drift:
    """Compare an installation's releases, and what its apply steps made, with what stands."""
    target = await request.find_record(world, name, namespace)
    changes: list[Change] = []
    for release in target.releases:
        made = await world.helm.manifest(release.name, release.namespace)
        wanted = [as_helm_applies(each, release.name, release.namespace) for each in made]
        changes += await find_changes(
            world.cluster, wanted, release.namespace, manager=HELM_MANAGER
        )
    plan, note = await _plan(world, target, library)
    for step in plan.steps if plan else ():
        if isinstance(step, PlannedApply):
            space = target.installation.namespace
            changes += await find_changes(world.cluster, step.manifests, space)
    return Drift(str(target.installation), tuple(changes), note)


async def _plan(
    world: World, target: Record, library: Library
) -> tuple[Plan | None, tuple[str, ...]]:
    """The plan of the record, or why there is none."""
    if not target.objects:
        return None, ()
    try:
        return plan_of(target, library, await outputs_of(world, target)), ()
    except SkillError as error:
        return None, (f"what its apply steps made was not compared: {error.message}",)
