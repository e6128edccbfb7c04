"""Delete one object without the data that would go with it.

An operator's resource owns what the operator made, and a StatefulSet its claims if it is told so:
when it goes, the garbage collector takes all of that along. So where data is to be kept, the object
goes alone (propagation Orphan), then what it owned goes by name, and the volumes stay. And a
finalizer of an operator needs that operator, which may be part of what goes next: it is waited for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from skill_runner.errors import Forbidden, NotFound
from skill_runner.installations import data, holdings, volumes
from skill_runner.installations.deletion import Leaving, find_pods, until_gone
from skill_runner.installations.removal_state import Removal
from skill_runner.objects import Object, Ref, at
from skill_runner.readiness.status.table import is_custom

# Annotations, as a JSON object, that an operator must see on the object before it goes, so that it
# leaves the data alone: a KafkaTopic that is managed no longer leaves its messages.
BEFORE_KEEPING: Final = "skill-runner.dev/annotate-to-keep-data"


async def take(removal: Removal, live: Object) -> bool:
    """Delete one object that was judged ours; False, and nothing is done, where it is kept.

    NotReadyInTime when a finalizer holds it for too long.
    """
    cluster, ref = removal.world.cluster, Ref.of(live)
    leaving = Leaving(ref, str(live["metadata"]["uid"]))
    if await data.reason_to_keep(cluster, live, removal.occasion):
        removal.to_keep[ref] = leaving.uid
        return False
    removal.held.check()
    removal.leaving += await find_pods(cluster, [ref])
    if not removal.purge:
        await _annotate(removal, live)
        if claims := await data.volumes_under(cluster, live):
            removal.to_keep |= claims
            await _take_alone(removal, leaving)
            return True
    await cluster.delete(ref, uid=leaving.uid)
    if is_custom(ref.api_version):
        with suppress(NotFound):
            if (await removal.world.cluster.get(leaving.ref))["metadata"].get("finalizers"):
                await until_gone(removal.world, [leaving], removal.timeout)
    removal.leaving.append(leaving)
    return True


async def _take_alone(removal: Removal, resource: Leaving) -> None:
    """Delete an object, then what it owned, but for data. What it owned is marked as ours first:
    nothing else would tell it from others' once its owner is gone."""
    cluster = removal.world.cluster
    owned = await _owned_by(removal, resource)
    await holdings.mark(cluster, [child.ref for child in owned], removal.target)
    await removal.remember(owned)
    removal.held.check()
    await cluster.delete(resource.ref, uid=resource.uid, propagation="Orphan")
    await until_gone(removal.world, [resource], removal.timeout)
    for child in owned:
        await take_left(removal, child)


async def take_left(removal: Removal, child: Leaving) -> None:
    """Delete what is left of an object that went alone, if it is the same one still."""
    with suppress(NotFound):
        live = await removal.world.cluster.get(child.ref)
        if live["metadata"]["uid"] == child.uid:
            await take(
                removal, {**live, "apiVersion": child.ref.api_version, "kind": child.ref.kind}
            )


async def _annotate(removal: Removal, live: Object) -> None:
    """Set the annotations that the object itself asks for."""
    have: Mapping[str, str] = at(live, "metadata.annotations", {})
    wanted = json.loads(have.get(BEFORE_KEEPING, "{}"))
    if not wanted.items() <= have.items():
        await volumes.annotate(removal.world.cluster, Ref.of(live), wanted)


async def _owned_by(removal: Removal, resource: Leaving) -> list[Leaving]:
    """Everything but claims that the object owns. ApiError where that cannot be known, since what
    is not found would be left behind; of kinds that we may not list, a note says so."""
    cluster, space = removal.world.cluster, resource.ref.namespace
    found: list[Leaving] = []
    unseen = []
    for kind in await cluster.resource_types(fresh=True):
        if not kind.namespaced or not {"list", "delete"} <= set(kind.verbs):
            continue
        if (kind.api_version, kind.kind) == data.PVC:
            continue
        try:
            listed = await cluster.list(kind.api_version, kind.kind, namespace=space, bare=True)
        except NotFound:  # its definition went a moment ago
            continue
        except Forbidden:
            unseen.append(kind.kind)
            continue
        found += [
            Leaving(
                Ref(
                    kind.api_version,
                    kind.kind,
                    o["metadata"]["name"],
                    o["metadata"].get("namespace"),
                ),
                str(o["metadata"]["uid"]),
            )
            for o in listed.items
            if data.is_owned(o, resource.uid)
        ]
    if unseen:
        removal.done.notes.append(
            f"objects that {resource.ref} owned may remain, since listing their kinds is "
            f"forbidden: {', '.join(unseen)}"
        )
    return found
