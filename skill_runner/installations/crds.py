"""The definitions in a chart's crds/ folder: applied by us, kept like volumes.

Helm applies them at the first install only, never at an upgrade, and never removes them; and when
an operator has written into one meanwhile (Dapr's writes where its conversion webhook is), a second
install is refused with a field conflict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from skill_runner.backends.base import FIELD_MANAGER, Cluster
from skill_runner.errors import Forbidden
from skill_runner.installations import store
from skill_runner.installations.data import Occasion, reason_to_keep
from skill_runner.installations.deletion import Leaving
from skill_runner.installations.owned import Found, look, refusal
from skill_runner.installations.ownership import NOTHING, Held, Ownership, judge
from skill_runner.installations.record import Record
from skill_runner.objects import Object, Ref
from skill_runner.plan import Installation
from skill_runner.plan.placement import MARK as OWNER

CRD: Final = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")


async def look_at_all(
    cluster: Cluster,
    definitions: Iterable[Object],
    installation: Installation,
    record: Record | None = None,
) -> list[Found]:
    """Each definition as it is now, and whose it is."""
    looked = []
    for each in definitions:
        name = each["metadata"]["name"]
        held = record.held(Ref(*CRD, name)) if record else NOTHING
        looked.append(await look_at_definition(cluster, name, installation, held))
    return looked


async def apply_definitions(
    cluster: Cluster,
    definitions: Sequence[Object],
    looked: Sequence[Found],
    installation: Installation,
    *,
    adopt: bool = False,
) -> dict[Ref, str]:
    """The uids of those that were applied, for they were missing or different.

    Fields that others wrote into ours are taken over, except where the conversion webhook is. One
    that another made is left alone where it is as wanted already; StepFailed with NOT_OURS where it
    is not, unless `adopt`, or the installation of ours that made it is gone.
    """
    differing = []
    for each, found in zip(definitions, looked, strict=True):
        manifest = _marked(_with_conversion_of(found.live or {}, each), installation)
        if found.live is None or await _differs(cluster, manifest, found.live):
            differing.append((manifest, found))
    others = [found for _, found in differing if not found.whose.is_free]
    if others and not adopt:
        raise refusal(*others)
    wrote = {}
    for manifest, found in differing:
        bound = {"uid": found.whose.uid} if found.live is not None else {}
        made = await cluster.apply(
            {**manifest, "metadata": {**manifest["metadata"], **bound}}, force=True
        )
        wrote[found.ref] = str(made["metadata"]["uid"])
    return wrote


async def look_at_definition(
    cluster: Cluster, name: str, installation: Installation, held: Held
) -> Found:
    """One definition, and whose it is. One that an installation kept which is gone is free: data
    of its kinds may be there still, and nobody else would look after it."""
    found = await look(cluster, Ref(*CRD, name), installation, held)
    notes = ((found.live or {}).get("metadata") or {}).get("annotations") or {}
    maker = Installation.parse(notes.get(OWNER, ""))
    if found.whose.state != "stranger" or not maker.name or maker == installation:
        return found
    if await store.exists(cluster, maker):
        return found
    return replace(found, whose=Ownership("ours", uid=found.whose.uid))


async def _differs(cluster: Cluster, wanted: Object, live: Object) -> bool:
    would = await cluster.apply(wanted, dry_run=True, force=True, manager=FIELD_MANAGER)
    return bool(would.get("spec") != live.get("spec"))


async def remove_definitions(
    cluster: Cluster, target: Record, *, purge: bool
) -> tuple[tuple[Leaving, ...], tuple[Ref, ...]]:
    """The definitions of an installation: (deleted, kept).

    Deleting one deletes every object of its kind, so it takes `purge` and that none is left.
    """
    deleted, kept = [], []
    try:
        found = await cluster.list(*CRD)
    except Forbidden:  # whoever may not look has made none
        return (), ()
    for definition in found.items:
        ref = Ref(*CRD, definition["metadata"]["name"])
        whose = judge(definition, target.installation, target.held(ref))
        if not whose.is_ours:
            continue
        live = {**definition, "apiVersion": CRD[0], "kind": CRD[1]}
        if await reason_to_keep(cluster, live, Occasion.PURGE if purge else Occasion.REMOVAL):
            kept.append(ref)
        else:
            await cluster.delete(ref, uid=whose.uid)
            deleted.append(Leaving(ref, whose.uid))
    return tuple(deleted), tuple(kept)


def _marked(manifest: Object, installation: Installation) -> Object:
    meta = manifest["metadata"]
    annotations = {**(meta.get("annotations") or {}), OWNER: str(installation)}
    kept = {key: value for key, value in meta.items() if key != "creationTimestamp"}
    return {**manifest, "metadata": {**kept, "annotations": annotations}}


def _with_conversion_of(live: Mapping[str, Any], wanted: Object) -> Object:
    conversion = (live.get("spec") or {}).get("conversion") or {}
    config = (conversion.get("webhook") or {}).get("clientConfig") or {}
    if not config.get("caBundle"):
        return wanted
    return {**wanted, "spec": {**wanted["spec"], "conversion": conversion}}
