"""Remove an installation by its record, in reverse, until everything is gone; keep its data."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from skill_runner import crds, holdings, namespaces, operated, pods, record, releases, volumes
from skill_runner.backends.base import Cluster, Object, Ref
from skill_runner.deletions import Leaving, find_pods, until_gone
from skill_runner.errors import NotFound
from skill_runner.lock import Guard
from skill_runner.owned import look, look_at_release
from skill_runner.ownership import explain
from skill_runner.record import Record
from skill_runner.world import World

PVC = ("v1", "PersistentVolumeClaim")
KEEP = "helm.sh/resource-policy"
HOOK = "helm.sh/hook"


@dataclass(slots=True)
class Removed:
    """What a removal did, in words."""

    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # of others: named, and not touched


async def remove(
    world: World, target: Record, held: Guard, *, purge: bool, timeout: float = 300.0
) -> Removed:
    """Objects first, then releases, then (with `purge`) volumes, at last the record.

    NotReadyInTime names what is still there after `timeout` seconds.
    """
    done = Removed()
    claims = await holdings.find_claims(world.cluster, world.helm, target)
    if not purge:  # what proves them goes now
        held.check()
        await holdings.mark(world.cluster, claims, target)
    gone = await _objects(world, target, held, done, claims, purge=purge, timeout=timeout)
    gone += await _releases(world, target, held, done, claims)
    gone += await _proofs(world.cluster, target, held)
    await until_gone(world, [each for each in gone if each.ref not in claims], timeout)
    await _volumes(world, claims, held, done, purge=purge)
    held.check()
    deleted, kept = await crds.remove_definitions(world.cluster, target, purge=purge)
    await until_gone(world, deleted, timeout)
    done.removed += [str(each.ref) for each in deleted]
    await _forget(world.cluster, target, claims, done)
    if not done.kept:
        emptied = await namespaces.take_away(world, target)
        await until_gone(world, emptied, timeout)
        done.removed += [str(each.ref) for each in emptied]
    done.kept += map(str, kept)
    return done


async def _forget(
    cluster: Cluster, target: Record, claims: Mapping[Ref, str], done: Removed
) -> None:
    """The record goes; where data was kept, its inputs and the proof of the data stay."""
    kept = {**claims, **{ref: target.uids.get(ref, "") for ref in target.objects}}
    data = {ref: uid for ref, uid in kept.items() if str(ref) in done.kept}
    if data:
        await record.keep(cluster, target, data)
    else:
        await record.remove(cluster, target)


async def _objects(
    world: World,
    target: Record,
    held: Guard,
    done: Removed,
    claims: dict[Ref, str],
    *,
    purge: bool,
    timeout: float,
) -> list[Leaving]:
    """Delete what was applied, newest first; what is still leaving. Adds volumes to `claims`."""
    gone: list[Leaving] = []
    for ref in reversed(target.objects):
        found = await look(world.cluster, ref, target.installation, target.held(ref))
        if found.live is None:
            continue
        if not found.whose.is_ours:
            done.left.append(str(found))
            continue
        if not purge and _is_kept(found.live):
            done.kept.append(str(ref))
            continue
        held.check()
        gone += await find_pods(world.cluster, [ref])
        deletion = await operated.delete(
            world, ref, found.live, purge=purge, timeout=timeout,
            remember=_remembering(world, target),
        )  # fmt: skip
        gone += deletion.leaving
        claims |= deletion.kept
        done.removed.append(str(ref))
    return gone


async def _releases(
    world: World, target: Record, held: Guard, done: Removed, claims: dict[Ref, str]
) -> list[Leaving]:
    """Uninstall the releases, newest first; what is still leaving. Adds volumes to `claims`."""
    gone: list[Leaving] = []
    for release in reversed(target.releases):
        found, whose = await look_at_release(
            world.helm, release.name, release.namespace, target.installation, target
        )
        if found is None:
            continue
        if not whose.is_ours:
            done.left.append(explain(found, whose))
            continue
        held.check()
        claims_of_it = await _claims_of(world, release.name, release.namespace)
        made = await _release_objects(world, release.name, release.namespace)
        gone += [*map(Leaving, made), *await find_pods(world.cluster, made)]
        hooks = await _hooks_of(world, release.name, release.namespace)
        await releases.release_lock(world.helm, found, target.installation)
        async with volumes.spared(world.cluster, claims_of_it):
            await world.helm.uninstall(release.name, release.namespace)
        gone += await _delete_hooks(world.cluster, hooks, held)
        done.removed.append(f"release {release.namespace}/{release.name}")
    return gone


async def _proofs(cluster: Cluster, target: Record, held: Guard) -> list[Leaving]:
    """Delete the pods that a killed run has left of its proofs."""
    at = target.installation
    spaces = dict.fromkeys([at.namespace, *(r.namespace for r in target.objects if r.namespace)])
    left = await pods.find_left_behind(cluster, at, spaces)
    for ref, uid in left.items():
        held.check()
        await cluster.delete(ref, uid=uid)
    return list(itertools.starmap(Leaving, left.items()))


def _remembering(world: World, target: Record) -> operated.Remember:
    """Marks what an operator made, whose owner goes first, and writes it into the record."""

    async def remember(more: Sequence[Leaving]) -> None:
        await holdings.mark(world.cluster, [each.ref for each in more], target)
        added = [each.ref for each in more if each.ref not in target.objects]
        known = replace(target, objects=(*target.objects, *added))
        await record.write(world.cluster, known.remembering({e.ref: e.uid for e in more}))

    return remember


def _is_kept(live: Object) -> bool:
    """Whether an object asks, in Helm's words, to outlive what made it, as volumes do."""
    return (live["metadata"].get("annotations") or {}).get(KEEP) == "keep"


async def _claims_of(world: World, name: str, namespace: str) -> tuple[Ref, ...]:
    """The claims that the chart itself holds: data, so Helm must not delete them."""
    made = await world.helm.manifest(name, namespace)
    return volumes.claims_in(
        [await releases.with_namespace(world.cluster, m, namespace) for m in made]
    )


async def _release_objects(world: World, name: str, namespace: str) -> list[Ref]:
    return [
        Ref.of(await releases.with_namespace(world.cluster, m, namespace))
        for m in await world.helm.manifest(name, namespace)
        if KEEP not in (m["metadata"].get("annotations") or {})
    ]


async def _hooks_of(world: World, name: str, namespace: str) -> list[Ref]:
    """The hooks of a release's every revision, but for data. They are no part of it to Helm, so
    its uninstall leaves behind each one that no deletion policy of its own took away."""
    made = [
        await releases.with_namespace(world.cluster, hook, namespace)
        for hook in await world.helm.hooks(name, namespace, every=True)
        if KEEP not in (hook["metadata"].get("annotations") or {})
    ]
    return [ref for ref in map(Ref.of, made) if (ref.api_version, ref.kind) != PVC]


async def _delete_hooks(cluster: Cluster, hooks: Iterable[Ref], held: Guard) -> list[Leaving]:
    """Delete those of the hooks that are there, and still are hooks."""
    deleted = []
    for ref in hooks:
        try:
            found = await cluster.get(ref)
        except NotFound:
            continue
        if HOOK in (found["metadata"].get("annotations") or {}):
            held.check()
            deleted.append(Leaving(ref, str(found["metadata"]["uid"])))
            await cluster.delete(ref, uid=deleted[-1].uid)
    return deleted


async def _volumes(
    world: World, claims: Mapping[Ref, str], held: Guard, done: Removed, *, purge: bool
) -> None:
    for ref, uid in claims.items():
        if not purge:
            done.kept.append(str(ref))
            continue
        held.check()
        await world.cluster.delete(ref, uid=uid)
        done.removed.append(str(ref))
    if purge:
        await until_gone(world, itertools.starmap(Leaving, claims.items()), 120.0)
