"""Delete an object that an operator answers for, without the data that the operator keeps for it.

An operator's resource owns what the operator made: when it goes, the garbage collector takes all
of it along, data volumes too. So where data is to be kept, the resource goes alone (propagation
Orphan), then what it owned goes by name, and the volumes stay. And a finalizer of an operator needs
that operator, which may be part of what goes next: it is waited for.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from skill_runner import volumes
from skill_runner.backends.base import Cluster, Object, Ref
from skill_runner.deletions import Leaving, until_gone
from skill_runner.errors import ApiError, Forbidden, NotFound
from skill_runner.status.fields import at
from skill_runner.status.table import is_custom
from skill_runner.world import World

# Annotations, as a JSON object, that an operator must see on the object before it goes, so that it
# leaves the data alone: a KafkaTopic that is managed no longer leaves its messages.
BEFORE_KEEPING: Final = "skill-runner.dev/annotate-to-keep-data"

Remember = Callable[[Sequence[Leaving]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion is still waited for, and the data volumes that it leaves, with their uids."""

    leaving: tuple[Leaving, ...] = ()
    kept: Mapping[Ref, str] = field(default_factory=dict)


async def delete(
    world: World, ref: Ref, live: Object, *, purge: bool, remember: Remember, timeout: float
) -> Deletion:
    """Delete one object that was judged ours; without `purge`, the data volumes that it owns stay.

    `remember` is told what is to be deleted after it, before it goes: a removal that dies in
    between must find it again. NotReadyInTime when its finalizer holds it for `timeout` seconds.
    """
    cluster, uid = world.cluster, str(live["metadata"]["uid"])
    if not is_custom(ref.api_version):
        await cluster.delete(ref, uid=uid)
        return Deletion((Leaving(ref, uid),))
    claims = await _claims_of(cluster, ref, uid)
    if not purge:
        await _annotate(cluster, ref, live)
        if claims:
            await _delete_alone(world, Leaving(ref, uid), remember, timeout)
            return Deletion(kept=claims)
    await cluster.delete(ref, uid=uid)
    await _until_let_go(world, Leaving(ref, uid), timeout)
    return Deletion((Leaving(ref, uid), *itertools.starmap(Leaving, claims.items())))


async def owns_claims(cluster: Cluster, ref: Ref, live: Object) -> bool:
    """Whether data volumes would go with this object."""
    if not is_custom(ref.api_version):
        return False
    return bool(await _claims_of(cluster, ref, str(live["metadata"]["uid"])))


async def _until_let_go(world: World, leaving: Leaving, timeout: float) -> None:
    """Until no finalizer holds it."""
    with suppress(NotFound):
        if (await world.cluster.get(leaving.ref))["metadata"].get("finalizers"):
            await until_gone(world, [leaving], timeout)


async def _delete_alone(
    world: World, resource: Leaving, remember: Remember, timeout: float
) -> None:
    """Delete a resource, then what it owned, but for volumes."""
    owned = await _owned_by(world.cluster, resource)
    await remember(owned)
    await world.cluster.delete(resource.ref, uid=resource.uid, propagation="Orphan")
    await until_gone(world, [resource], timeout)
    for each in owned:
        await world.cluster.delete(each.ref, uid=each.uid)
    await until_gone(world, owned, timeout)


async def _annotate(cluster: Cluster, ref: Ref, live: Object) -> None:
    """Set the annotations that the object itself asks for."""
    have: Mapping[str, str] = at(live, "metadata.annotations", {})
    wanted = json.loads(have.get(BEFORE_KEEPING, "{}"))
    if not wanted.items() <= have.items():
        await volumes.annotate(cluster, ref, wanted)


async def _claims_of(cluster: Cluster, ref: Ref, uid: str) -> dict[Ref, str]:
    if ref.namespace is None:
        return {}
    found = await cluster.list(*volumes.PVC, namespace=ref.namespace, bare=True)
    return {
        Ref(*volumes.PVC, o["metadata"]["name"], ref.namespace): str(o["metadata"]["uid"])
        for o in found.items if _is_owned(o, uid)
    }  # fmt: skip


async def _owned_by(cluster: Cluster, resource: Leaving) -> list[Leaving]:
    """Everything but volumes that the resource owns, of the kinds that may be listed."""
    space = resource.ref.namespace
    found: list[Leaving] = []
    for kind in await cluster.resource_types(fresh=True):
        if not kind.namespaced or not {"list", "delete"} <= set(kind.verbs):
            continue
        if (kind.api_version, kind.kind) == volumes.PVC:
            continue
        with suppress(Forbidden, ApiError):
            listed = await cluster.list(kind.api_version, kind.kind, namespace=space, bare=True)
            found += [
                Leaving(Ref(kind.api_version, kind.kind, o["metadata"]["name"], space),
                        str(o["metadata"]["uid"]))
                for o in listed.items if _is_owned(o, resource.uid)
            ]  # fmt: skip
    return found


def _is_owned(obj: Object, uid: str) -> bool:
    return any(o.get("uid") == uid for o in obj["metadata"].get("ownerReferences") or ())
