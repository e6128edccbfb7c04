"""Remove an installation by its record, in reverse, until everything is gone; keep its data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from skill_runner import crds, namespaces, operated, pods, record, releases, volumes
from skill_runner.backends.base import Cluster, Ref
from skill_runner.deletions import Leaving, find_pods, until_gone
from skill_runner.errors import NotFound
from skill_runner.lock import Guard
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


async def remove(
    world: World, target: Record, held: Guard, *, purge: bool, timeout: float = 300.0
) -> Removed:
    """Objects first, then releases, then (with `purge`) volumes, at last the record.

    NotReadyInTime names what is still there after `timeout` seconds.
    """
    done = Removed()
    claims = await _claims(world.cluster, target)
    gone = await _objects(world, target, held, done, claims, purge=purge, timeout=timeout)
    gone += await _releases(world, target, held, done, claims)
    gone += await _proofs(world.cluster, target, held)
    await until_gone(world, [each for each in gone if each.ref not in claims], timeout)
    await _volumes(world, claims, held, done, purge=purge)
    held.check()
    deleted, kept = await crds.remove_definitions(world.cluster, target.installation, purge=purge)
    await until_gone(world, [Leaving(ref) for ref in deleted], timeout)
    done.removed += map(str, deleted)
    await record.remove(world.cluster, target)
    if not done.kept:
        emptied = await namespaces.take_away(world, target)
        await until_gone(world, map(Leaving, emptied), timeout)
        done.removed += map(str, emptied)
    done.kept += map(str, kept)
    return done


async def _objects(
    world: World,
    target: Record,
    held: Guard,
    done: Removed,
    claims: list[Ref],
    *,
    purge: bool,
    timeout: float,
) -> list[Leaving]:
    """Delete what was applied, newest first; what is still leaving. Adds volumes to `claims`."""
    gone: list[Leaving] = []
    for ref in reversed(target.objects):
        if not purge and await _is_kept(world.cluster, ref):
            done.kept.append(str(ref))
            continue
        held.check()
        gone += await find_pods(world.cluster, [ref])
        deletion = await operated.delete(
            world, ref, purge=purge, timeout=timeout, remember=_remembering(world, target)
        )
        gone += deletion.leaving
        claims += [claim for claim in deletion.kept if claim not in claims]
        done.removed.append(str(ref))
    return gone


async def _releases(
    world: World, target: Record, held: Guard, done: Removed, claims: list[Ref]
) -> list[Leaving]:
    """Uninstall the releases, newest first; what is still leaving. Adds volumes to `claims`."""
    gone: list[Leaving] = []
    for release in reversed(target.releases):
        found = await world.helm.get(release.name, release.namespace)
        if found is None:
            continue
        held.check()
        claims_of_it = await _claims_of(world, release.name, release.namespace)
        made = await _release_objects(world, release.name, release.namespace)
        gone += [*map(Leaving, made), *await find_pods(world.cluster, made)]
        hooks = await _hooks_of(world, release.name, release.namespace)
        await releases.release_lock(world.helm, found, installation=target.installation.name)
        async with volumes.spared(world.cluster, claims_of_it):
            await world.helm.uninstall(release.name, release.namespace)
        gone += map(Leaving, await _delete_hooks(world.cluster, hooks, held))
        claims += [c for c in claims_of_it if c not in claims]
        done.removed.append(f"release {release.namespace}/{release.name}")
    return gone


async def _proofs(cluster: Cluster, target: Record, held: Guard) -> list[Leaving]:
    """Delete the pods that a killed run has left of its proofs."""
    at = target.installation
    spaces = dict.fromkeys([at.namespace, *(r.namespace for r in target.objects if r.namespace)])
    left = await pods.find_left_behind(cluster, at, spaces)
    for ref in left:
        held.check()
        await cluster.delete(ref)
    return [Leaving(ref) for ref in left]


def _remembering(world: World, target: Record) -> operated.Remember:
    async def remember(more: Sequence[Ref]) -> None:
        objects = (*target.objects, *(ref for ref in more if ref not in target.objects))
        await record.write(world.cluster, replace(target, objects=objects))

    return remember


async def _is_kept(cluster: Cluster, ref: Ref) -> bool:
    """Whether an object asks, in Helm's words, to outlive what made it, as volumes do."""
    try:
        found = await cluster.get(ref)
    except NotFound:
        return False
    return (found["metadata"].get("annotations") or {}).get(KEEP) == "keep"


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


async def _delete_hooks(cluster: Cluster, hooks: Iterable[Ref], held: Guard) -> list[Ref]:
    """Delete those of the hooks that are there, and still are hooks."""
    deleted = []
    for ref in hooks:
        try:
            found = await cluster.get(ref)
        except NotFound:
            continue
        if HOOK in (found["metadata"].get("annotations") or {}):
            held.check()
            await cluster.delete(ref)
            deleted.append(ref)
    return deleted


async def _claims(cluster: Cluster, target: Record) -> list[Ref]:
    """The volume claims of the installation: by its releases' names, the field's usual label."""
    names = {target.installation.name, *(r.name for r in target.releases)}
    found = await cluster.list(*PVC, namespace=target.installation.namespace)
    return [
        Ref.of({"apiVersion": "v1", "kind": "PersistentVolumeClaim", **o})
        for o in found.items
        if (o["metadata"].get("labels") or {}).get("app.kubernetes.io/instance") in names
    ]


async def _volumes(
    world: World, claims: Iterable[Ref], held: Guard, done: Removed, *, purge: bool
) -> None:
    for ref in claims:
        if not purge:
            done.kept.append(str(ref))
            continue
        held.check()
        await world.cluster.delete(ref)
        done.removed.append(str(ref))
    if purge:
        await until_gone(world, map(Leaving, claims), 120.0)
