"""Preflight: refuse a plan that would change what is not ours, before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from skill_runner.backends.world import World
from skill_runner.errors import PreflightFailed
from skill_runner.installations import releases
from skill_runner.installations.crds import CRD, look_at_definition
from skill_runner.installations.data import PVC
from skill_runner.installations.holdings import find_claims, has_claim_named
from skill_runner.installations.owned import Found, is_hook, look, look_at_release, problem_of
from skill_runner.installations.ownership import HELM_NAME, NOTHING, judge
from skill_runner.installations.record import Record
from skill_runner.installations.store import record_refs
from skill_runner.objects import Object, Ref
from skill_runner.plan import Plan, PlannedApply, PlannedRelease
from skill_runner.plan.placement import KEPT, MARK

Named = frozenset[tuple[str, str]]
_ALONE: Final = frozenset({CRD[1], PVC[1]})  # taken over one by one, whoever made them


async def check(
    plan: Plan, world: World, manifests: Sequence[Object], old: Record | None, *, adopt: bool
) -> None:
    """PreflightFailed with NOT_OURS when the plan's names belong to others.

    With `adopt` only what cannot become ours is refused: what another installation of ours holds,
    and objects in the way of a Helm release, for Helm takes over whole releases only.
    """
    others = await find(plan, world, manifests, old)
    if adopt:
        others = [each for each in others if not can_adopt(each)]
    if others:
        problem = problem_of(others, adoptable=all(map(can_adopt, others)))
        lines = "".join(f"\n  {line}" for line in problem.evidence)
        raise PreflightFailed(f"{problem.cause}{lines}", hint=problem.fix, problem=problem)


async def find(
    plan: Plan, world: World, manifests: Sequence[Object], old: Record | None
) -> list[Found]:
    """Everything of others under the plan's names.

    Of an installation that nothing would change, releases alone are looked at: each step looks at
    its own objects again before it writes.
    """
    foreign, named = await _releases(plan, world, old)
    refs = record_refs(plan.installation)
    looked = [await look(world.cluster, ref, plan.installation) for ref in refs]
    others = [*foreign, *[each for each in looked if not each.whose.is_free]]
    if old is not None and old.complete and old.plan_digest == plan.digest:
        return others
    theirs = {(str(f.release.name), str(f.release.namespace)) for f in foreign}
    others += await _objects(plan, world, manifests, old, named | theirs)
    return [*others, *await _claims(plan, world, manifests, old)]


def can_adopt(found: Found) -> bool:
    """Tell whether `--adopt` makes it ours: a release, a definition, data, or an object of no
    release.

    What another installation of ours holds is given up there first; and Helm takes over whole
    releases, not single objects.
    """
    if found.live is None:
        return not found.whose.installed
    notes = found.live["metadata"].get("annotations") or {}
    if MARK in notes or KEPT in notes or found.ref.name.startswith("skill-runner."):
        return False
    return found.ref.kind in _ALONE or (not found.of_release and HELM_NAME not in notes)


async def _releases(plan: Plan, world: World, old: Record | None) -> tuple[list[Found], Named]:
    """The plan's releases that others have; the names and namespaces of the rest."""
    foreign, named = [], set()
    for step in plan.steps:
        if isinstance(step, PlannedRelease):
            found, whose = await look_at_release(
                world.helm, step.release, step.namespace, plan.installation, old
            )
            if found is not None and not whose.is_free:
                foreign.append(Found(found, None, whose))
            else:
                named.add((step.release, step.namespace))
    return foreign, frozenset(named)


async def _objects(
    plan: Plan, world: World, manifests: Iterable[Object], old: Record | None, named: Named
) -> list[Found]:
    """Find others' objects under the plan's names; `named` releases may have made it."""
    # The manifests of apply steps are placed already.
    steps = [step for step in plan.steps if isinstance(step, PlannedApply)]
    applied = {Ref.of(manifest) for step in steps for manifest in step.manifests}
    others = []
    for manifest in manifests:
        ref = Ref.of(
            await releases.with_namespace(world.cluster, manifest, plan.installation.namespace)
        )
        held = old.held(ref) if old else NOTHING
        if ref not in applied:
            held = replace(held, releases=named)
        if ref.kind == CRD[1]:
            found = await look_at_definition(world.cluster, ref.name, plan.installation, held)
        else:
            found = await look(world.cluster, ref, plan.installation, held)
        if not found.whose.is_free and not (is_hook(manifest) and is_hook(found.live or {})):
            others.append(replace(found, of_release=ref not in applied))
    return others


async def _claims(
    plan: Plan, world: World, manifests: Iterable[Object], old: Record | None
) -> list[Found]:
    """Volumes of others that a StatefulSet of the plan would take for its own."""
    sets = [m for m in manifests if m["kind"] == "StatefulSet"]
    spaces = {m["metadata"].get("namespace", plan.installation.namespace) for m in sets}
    ours = await find_claims(world.cluster, world.helm, old) if old and sets else {}
    others = []
    for space in sorted(spaces):
        for claim in (await world.cluster.list(*PVC, namespace=space, bare=True)).items:
            name = claim["metadata"]["name"]
            ref = Ref(*PVC, name, space)
            if ref in ours or not any(has_claim_named(each, name) for each in sets):
                continue
            held = old.held(ref) if old else NOTHING
            found = Found(ref, claim, judge(claim, plan.installation, held))
            others += [] if found.whose.is_free else [found]
    return others
