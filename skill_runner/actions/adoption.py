"""Tell what `--adopt` would take over from others, and what it would change there.

Only paths of fields are told, no values: what others wrote may be secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from skill_runner.backends.base import FIELD_MANAGER, HELM_MANAGER, Release
from skill_runner.backends.world import World
from skill_runner.errors import ApiError, NotFound
from skill_runner.execution import strangers
from skill_runner.installations import releases
from skill_runner.installations.owned import Found
from skill_runner.installations.record import Record
from skill_runner.objects import Object, Ref
from skill_runner.plan import Plan, PlannedApply, PlannedRelease
from skill_runner.text.quoting import excerpt

_TOLD: Final = 8  # fields of one object, and objects of one release


async def preview(
    plan: Plan, world: World, manifests: Sequence[Object], old: Record | None
) -> tuple[str, ...]:
    """A line for each thing of others under the plan's names: whose it is, and what would change.

    Nothing is written: the API server says by dry runs what it would make of each object.
    """
    return tuple(
        [
            await _line(found, plan, world)
            for found in await strangers.find(plan, world, manifests, old)
        ]
    )


async def _line(found: Found, plan: Plan, world: World) -> str:
    if isinstance(found.what, Release):
        changes = await _of_release(found.what, plan, world)
    else:
        changes = await _of_object(found, plan, world)
    whose = f"{found.name}, which belongs to {found.whose.owner}"
    return f"would take over {whose}: {changes or 'nothing differs'}"


async def _of_release(release: Release, plan: Plan, world: World) -> str:
    """List what an upgrade makes, changes and deletes of a release's objects."""
    step = next(
        each
        for each in plan.steps
        if isinstance(each, PlannedRelease)
        and (each.release, each.namespace) == (release.name, release.namespace)
    )
    spec = releases.release_spec(step, plan.installation, "plan")
    wanted = await _placed(world, await world.helm.template(spec), step.namespace)
    have = await _placed(
        world, await world.helm.manifest(release.name, release.namespace), step.namespace
    )
    told = []
    for ref, manifest in wanted.items():
        marked = releases.as_helm_applies(manifest, step.release, step.namespace)
        if what := await _would(world, ref, marked, manager=HELM_MANAGER):
            told.append(what)
    told += [f"deletes {ref}" for ref in have if ref not in wanted]
    return _shortened(told, "; ")


async def _of_object(found: Found, plan: Plan, world: World) -> str:
    for step in plan.steps:
        if isinstance(step, PlannedApply):
            placed = await _placed(world, step.manifests, plan.installation.namespace)
            if found.ref in placed:
                return await _would(world, found.ref, placed[found.ref])
    return "it is used as it is"


async def _placed(
    world: World, manifests: Sequence[Object], namespace: str
) -> Mapping[Ref, Object]:
    placed = [await releases.with_namespace(world.cluster, m, namespace) for m in manifests]
    return {Ref.of(manifest): manifest for manifest in placed}


async def _would(world: World, ref: Ref, manifest: Object, *, manager: str = FIELD_MANAGER) -> str:
    """Say what applying one object would do; empty when nothing."""
    try:
        live = await world.cluster.get(ref)
    except NotFound:
        return f"makes {ref}"
    try:
        made = await world.cluster.apply(manifest, dry_run=True, force=True, manager=manager)
    except ApiError as error:
        return f"cannot change {ref}: {excerpt(error.message)}"
    paths = list(_paths(releases.content(live), releases.content(made), ""))
    return f"changes {_shortened(paths, ', ')} of {ref}" if paths else ""


def _paths(before: Any, after: Any, path: str) -> Iterator[str]:
    """The fields that differ: `spec.replicas`, `spec.containers[0].image`."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key):
                yield from _paths(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            if one != other:
                yield from _paths(one, other, f"{path}[{index}]")
    else:
        yield path


def _shortened(told: Sequence[str], between: str) -> str:
    more = len(told) - _TOLD
    return between.join([*told[:_TOLD], *([f"and {more} more"] if more > 0 else [])])
