"""Remove an installation by its record, in reverse, until everything is gone; keep its data.

It can be stopped anywhere: the record says first that the installation is no longer whole, and goes
last, so that the next removal continues, or the next run makes everything again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace

from skill_runner.backends.base import Cluster
from skill_runner.backends.world import World
from skill_runner.installations import (
    crds,
    holdings,
    namespaces,
    operated,
    store,
    uninstall,
)
from skill_runner.installations.deletion import Leaving, until_gone
from skill_runner.installations.lock import Guard, lease_ref
from skill_runner.installations.owned import look
from skill_runner.installations.record import Record
from skill_runner.installations.removal_state import Removal, Removed
from skill_runner.objects import Object, Ref
from skill_runner.plan import Installation
from skill_runner.plan.placement import proof_labels
from skill_runner.progress import Changing

__all__ = ["Removed", "remove"]


async def remove(
    world: World, target: Record, held: Guard, *, purge: bool, timeout: float = 300.0
) -> Removed:
    """Objects first, then releases, then (with `purge`) volumes, at last the record.

    `target` was read under the lock that `held` guards. NotReadyInTime names what is still there
    after `timeout` seconds.
    """
    removal = Removal(world, target, held, purge, timeout)
    held.check()
    world.report(Changing(str(target.installation)))
    await removal.write(replace(target, complete=False))
    for release in target.releases:
        await uninstall.give_back(world, target.installation, release)
    claims = await holdings.find_claims(world.cluster, world.helm, target)
    await holdings.mark(world.cluster, claims, target)  # what proves them goes before them
    if not purge:
        removal.to_keep |= claims
    await _objects(removal)
    for release in reversed(target.releases):
        await uninstall.uninstall(removal, release)
    await _proofs(removal)
    await until_gone(
        world, [each for each in removal.leaving if each.ref not in removal.to_keep], timeout
    )
    if purge:
        await _volumes(removal, claims)
    await _definitions(removal)
    await removal.look_again()
    await _spaces(removal)
    return removal.done


async def _objects(removal: Removal) -> None:
    """Delete what was applied, newest first, and what a removal that died had begun with."""
    cluster, target = removal.world.cluster, removal.target
    begun = [ref for ref in target.leaving if ref not in target.objects]
    for ref in [*begun, *reversed(target.objects)]:
        if ref.kind == "Namespace":  # they go last
            continue
        held = target.held(ref)
        if ref in target.leaving:
            held = replace(held, uid=target.leaving[ref])
        found = await look(cluster, ref, target.installation, held)
        if found.live is None:
            continue
        if not found.whose.is_ours:
            removal.done.left.append(str(found))
        elif await operated.take(removal, found.live):
            removal.done.removed.append(str(ref))


async def _proofs(removal: Removal) -> None:
    """Delete the pods that a killed run has left of its proofs."""
    target = removal.target
    at = target.installation
    spaces = dict.fromkeys([at.namespace, *(r.namespace for r in target.objects if r.namespace)])
    left = await find_left_behind(removal.world.cluster, at, spaces)
    for ref, uid in left.items():
        removal.held.check()
        await removal.world.cluster.delete(ref, uid=uid)
        removal.leaving.append(Leaving(ref, uid))


async def _volumes(removal: Removal, claims: Mapping[Ref, str]) -> None:
    for ref, uid in claims.items():
        removal.held.check()
        await removal.world.cluster.delete(ref, uid=uid)
        removal.done.removed.append(str(ref))
    await until_gone(removal.world, itertools.starmap(Leaving, claims.items()), removal.timeout)


async def _definitions(removal: Removal) -> None:
    """Delete the definitions of charts' crds/ folders that nobody uses, where data goes too."""
    removal.held.check()
    deleted, kept = await crds.remove_definitions(
        removal.world.cluster, removal.target, purge=removal.purge
    )
    await until_gone(removal.world, deleted, removal.timeout)
    removal.done.removed += [str(each.ref) for each in deleted]
    removal.done.kept += map(str, kept)


async def _spaces(removal: Removal) -> None:
    """Delete the namespaces that a run made and nothing is in; our own last, with the record."""
    world, target = removal.world, removal.target
    own = target.installation.namespace
    spaces = {ref.namespace for ref in target.objects if ref.namespace}
    spaces |= {ref.name for ref in target.objects if ref.kind == "Namespace"}
    spaces |= {release.namespace for release in target.releases}
    removal.held.check()
    gone = await namespaces.take_away(world, target, sorted(spaces - {own}))
    await until_gone(world, gone, removal.timeout)
    besides = {*store.record_refs(target.installation), lease_ref(target.installation)}
    kept = {ref: uid for ref, uid in removal.to_keep.items() if str(ref) in removal.done.kept}
    removal.held.check()
    last = (
        []
        if kept
        else await namespaces.take_away(
            world, target, [own], besides=besides, expect_gone=removal.held.expect_gone
        )
    )
    if kept:  # the inputs that bring it back, and the proof of the data, stay
        await store.keep(world.cluster, target, kept)
    elif not last:
        await store.remove(world.cluster, target)
    await until_gone(world, last, removal.timeout)
    removal.done.removed += [str(each.ref) for each in (*gone, *last)]


async def find_left_behind(
    cluster: Cluster, installation: Installation, spaces: Iterable[str]
) -> dict[Ref, str]:
    """The pods of an installation's proofs in these namespaces, or the Jobs that own them, and
    their uids: a killed run leaves its own."""
    labels = ",".join(f"{name}={value}" for name, value in proof_labels(installation).items())
    found = {}
    for space in spaces:
        for pod in (await cluster.list("v1", "Pod", namespace=space, labels=labels)).items:
            ref, uid = _owner(pod["metadata"], space)
            found[ref] = uid
    return found


def _owner(pod: Object, space: str) -> tuple[Ref, str]:
    """The Job of a pod, by the pod's metadata, or the pod itself; and the uid of either."""
    for owner in pod.get("ownerReferences") or ():
        if owner["kind"] == "Job":
            return Ref(owner["apiVersion"], "Job", owner["name"], space), str(owner["uid"])
    return Ref("v1", "Pod", pod["name"], space), str(pod["uid"])
