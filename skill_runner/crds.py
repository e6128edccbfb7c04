"""The definitions in a chart's crds/ folder: applied by us, kept like volumes.

Helm applies them at the first install only, never at an upgrade, and never removes them; and when
an operator has written into one meanwhile (Dapr's writes where its conversion webhook is), a second
install is refused with a field conflict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from skill_runner.backends.base import FIELD_MANAGER, Cluster, Object, Ref
from skill_runner.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from skill_runner.plan import Installation

CRD: Final = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
OWNER: Final = "skill-runner.dev/installation"  # an annotation: a label takes no slash


async def apply_definitions(
    cluster: Cluster, definitions: tuple[Object, ...], installation: Installation
) -> tuple[Ref, ...]:
    """Those that were missing or different are applied; which these are.

    Fields that others wrote are taken over, except where the conversion webhook is.
    """
    wrote = []
    for wanted in definitions:
        ref = Ref(*CRD, wanted["metadata"]["name"])
        try:
            live: Object = await cluster.get(ref)
        except NotFound:
            live = {}
        marked = _marked(_with_conversion_of(live, wanted), installation)
        if live:
            would = await cluster.apply(marked, dry_run=True, force=True, manager=FIELD_MANAGER)
            if would.get("spec") == live.get("spec"):
                continue
        await cluster.apply(marked, force=True)
        wrote.append(ref)
    return tuple(wrote)


async def remove_definitions(
    cluster: Cluster, installation: Installation, *, purge: bool
) -> tuple[tuple[Ref, ...], tuple[Ref, ...]]:
    """The definitions of an installation: (deleted, kept).

    Deleting one deletes every object of its kind, so it takes `purge` and that none is left.
    """
    deleted, kept = [], []
    try:
        found = await cluster.list(*CRD)
    except Forbidden:  # whoever may not look has made none
        return (), ()
    for definition in found.items:
        annotations = definition["metadata"].get("annotations") or {}
        if annotations.get(OWNER) != str(installation):
            continue
        ref = Ref(*CRD, definition["metadata"]["name"])
        if purge and not await _used(cluster, definition):
            await cluster.delete(ref)
            deleted.append(ref)
        else:
            kept.append(ref)
    return tuple(deleted), tuple(kept)


async def _used(cluster: Cluster, definition: Object) -> bool:
    spec = definition["spec"]
    for version in spec["versions"]:
        if version.get("storage"):
            kind = f"{spec['group']}/{version['name']}", str(spec["names"]["kind"])
            try:
                return bool((await cluster.list(*kind, most=1, bare=True)).items)
            except NotFound:
                return False
    return False


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
