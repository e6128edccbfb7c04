"""Uninstall one release and everything that Helm would leave of it, but not the data.

Helm keeps the release, as `uninstalled`, until all else is done: what its revisions made is known
from it, so that a process that dies in between is continued by the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from skill_runner.backends.world import World
from skill_runner.installations import data, operated, releases, volumes
from skill_runner.installations.deletion import Leaving, find_pods
from skill_runner.installations.owned import Found, look, look_at_release
from skill_runner.installations.ownership import Held, explain
from skill_runner.installations.record import ReleaseRecord
from skill_runner.installations.removal_state import Removal
from skill_runner.objects import Object, Ref
from skill_runner.plan import Installation

HOOK: Final = "helm.sh/hook"
GONE_WITHIN: Final = 300.0  # seconds


async def uninstall(removal: Removal, entry: ReleaseRecord) -> None:
    """Uninstall a release and forget it; one of others is left alone."""
    helm, target = removal.world.helm, removal.target
    found, whose = await look_at_release(
        helm, entry.name, entry.namespace, target.installation, target
    )
    if found is None:
        return
    if not whose.is_ours:
        removal.done.left.append(explain(found, whose))
        return
    removal.held.check()
    await releases.release_lock(helm, found, target.installation)
    if found.status != "uninstalled":
        await take_down(removal, entry)
    await _sweep(removal, entry)
    removal.held.check()
    await helm.uninstall(entry.name, entry.namespace)
    removal.done.removed.append(f"release {entry.namespace}/{entry.name}")


async def give_back(world: World, installation: Installation, entry: ReleaseRecord) -> None:
    """Let a release own again what a process that was killed left disowned."""
    made = await world.helm.manifest(entry.name, entry.namespace, every=True)
    placed = [await releases.with_namespace(world.cluster, m, entry.namespace) for m in made]
    await volumes.give_back(world.cluster, map(Ref.of, placed), installation)


async def take_down(removal: Removal, entry: ReleaseRecord) -> None:
    """Let Helm uninstall what is no data; the release stays, as `uninstalled`."""
    cluster, helm = removal.world.cluster, removal.world.helm
    installation = removal.target.installation
    kept = []
    for found in await _ours(removal, entry, await helm.manifest(entry.name, entry.namespace)):
        assert found.live is not None
        if await data.reason_to_keep(cluster, found.live, removal.occasion):
            removal.to_keep[found.ref] = found.whose.uid
            kept.append(found.ref)
        elif not removal.purge and await data.volumes_under(cluster, found.live):
            await operated.take(removal, found.live)
        elif not data.asks_to_stay(found.live):  # what Helm leaves, `_sweep` takes
            removal.leaving.append(Leaving(found.ref, found.whose.uid))
            removal.leaving += await find_pods(cluster, [found.ref])
    removal.held.check()
    async with volumes.spared(cluster, kept, installation):
        await helm.uninstall(entry.name, entry.namespace, keep_history=True)


async def _sweep(removal: Removal, entry: ReleaseRecord) -> None:
    """Delete what Helm leaves: hooks, and what an upgrade that was stopped left of one revision."""
    made = await removal.world.helm.manifest(entry.name, entry.namespace, every=True)
    gone = {leaving.ref for leaving in removal.leaving}
    left = [each for each in await _ours(removal, entry, made) if each.ref not in gone]
    for found in [*left, *await _hooks(removal, entry)]:
        assert found.live is not None
        await operated.take(removal, found.live)


async def _ours(removal: Removal, entry: ReleaseRecord, manifests: Iterable[Object]) -> list[Found]:
    """The objects of a release that are there, and are this release's."""
    cluster, target = removal.world.cluster, removal.target
    found = []
    for manifest in manifests:
        ref = Ref.of(await releases.with_namespace(cluster, manifest, entry.namespace))
        held = Held(
            uid=target.uids.get(ref, ""), releases=frozenset({(entry.name, entry.namespace)})
        )
        one = await look(cluster, ref, target.installation, held)
        if one.live is not None and one.whose.is_ours:
            found.append(one)
    return found


async def _hooks(removal: Removal, entry: ReleaseRecord) -> list[Found]:
    """The hooks of every revision that are there, and are hooks still. They are no part of the
    release to Helm, so its uninstall leaves each one that no deletion policy of its own takes."""
    cluster = removal.world.cluster
    found = []
    for hook in await removal.world.helm.hooks(entry.name, entry.namespace, every=True):
        ref = Ref.of(await releases.with_namespace(cluster, hook, entry.namespace))
        one = await look(cluster, ref, removal.target.installation, Held(through=True))
        if one.live is not None and HOOK in (one.live["metadata"].get("annotations") or {}):
            found.append(one)
    return found
