"""Claims that would wait for a volume for ever, known before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from skill_runner.backends.base import Cluster, Pick
from skill_runner.errors import Forbidden, NotFound
from skill_runner.objects import Object, Ref, at

_DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"


@dataclass(frozen=True, slots=True)
class Unbindable:
    """A claim of `owner` that no volume is for, and the classes that there are."""

    owner: str
    why: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Claim:
    """`first` is the claim itself, or the first one that a StatefulSet makes of its template."""

    owner: str
    first: Ref
    spec: Object


async def unbindable(cluster: Cluster, manifests: Sequence[Object]) -> Unbindable | None:
    """The first claim whose StorageClass does not exist, or that names none where none is the
    default. None for one that is bound already, that names its volume, or whose class only marks
    volumes that are there or are made with it."""
    claims = [claim for manifest in manifests for claim in _claims(manifest)]
    if not claims:
        return None
    live = await if_allowed(cluster, "storage.k8s.io/v1", "StorageClass")
    if live is None:
        return None
    classes = (*live, *(m for m in manifests if m["kind"] == "StorageClass"))
    names = {str(at(c, "metadata.name")) for c in classes}
    default = any(at(c, "metadata.annotations", {}).get(_DEFAULT) == "true" for c in classes)
    for claim in claims:
        wanted = at(claim.spec, "storageClassName")
        if wanted in names or wanted == "" or (wanted is None and default):
            continue
        if at(claim.spec, "volumeName") or await _may_be_there(cluster, claim.first):
            continue
        if wanted is not None and await _marks_volumes(cluster, wanted, manifests):
            continue
        none = "no default StorageClass in this cluster"
        why = none if wanted is None else f"StorageClass {wanted} does not exist"
        return Unbindable(claim.owner, why, tuple(sorted(names)))
    return None


def _claims(manifest: Object) -> Iterator[_Claim]:
    ref = Ref.of(manifest)
    if ref.kind == "PersistentVolumeClaim":
        yield _Claim(str(ref), ref, at(manifest, "spec", {}))
    for template in at(manifest, "spec.volumeClaimTemplates", []):
        name = f"{at(template, 'metadata.name', '')}-{ref.name}-0"
        first = Ref("v1", "PersistentVolumeClaim", name, ref.namespace)
        yield _Claim(str(ref), first, at(template, "spec", {}))


async def _may_be_there(cluster: Cluster, claim: Ref) -> bool:
    """Tell whether the claim has its volume from before; also where nobody may look."""
    try:
        return bool(at(await cluster.get(claim), "status.phase") == "Bound")
    except NotFound:
        return False
    except Forbidden:
        return True


async def _marks_volumes(cluster: Cluster, name: str, manifests: Sequence[Object]) -> bool:
    """Tell whether volumes bear the class, which then needs no object; also where nobody may
    look."""
    live = await if_allowed(cluster, "v1", "PersistentVolume")
    made = (m for m in manifests if m["kind"] == "PersistentVolume")
    return live is None or any(at(v, "spec.storageClassName") == name for v in (*live, *made))


async def if_allowed(
    cluster: Cluster, api_version: str, kind: str, pick: Pick | None = None
) -> Sequence[Object] | None:
    """All objects of a kind, or None for a user of a few namespaces, who may not see them."""
    try:
        return (await cluster.list(api_version, kind, pick=pick)).items
    except Forbidden:
        return None
