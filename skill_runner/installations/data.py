"""Decide what is data, and what holds it: the one place that is asked before anything is deleted.

A removal, a change of inputs, a rollback, a failed run and a purge all ask `reason_to_keep`, with
their occasion. A data volume is a claim, by whatever path it came: of a chart, of an apply step, of
a StatefulSet's templates, of an operator's resource. What owns one, directly or through others,
takes it along when it goes; so does a definition with the objects of its kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from skill_runner.backends.base import Cluster
from skill_runner.errors import ApiError, Forbidden, NotFound
from skill_runner.objects import Object, Ref, at
from skill_runner.readiness.status.table import group_of

PVC: Final = ("v1", "PersistentVolumeClaim")
CRD: Final = ("apiextensions.k8s.io", "CustomResourceDefinition")
NAMESPACE: Final = ("", "Namespace")
KEEP: Final = "helm.sh/resource-policy"
# On what a removal may take and a change of inputs may not: a topic with its messages.
LEFT_OUT: Final = "skill-runner.dev/left-out"
_VOLUMES: Final = frozenset(
    {
        ("", "PersistentVolumeClaim"),
        ("", "PersistentVolume"),
        ("snapshot.storage.k8s.io", "VolumeSnapshot"),
        ("snapshot.storage.k8s.io", "VolumeSnapshotContent"),
    }
)
_DEPTH: Final = 8  # owners above a claim that are followed


class Occasion(Enum):
    """The reason for which something is to be deleted."""

    CHANGE = "change"  # inputs that leave it out, a rollback, an upgrade that drops it
    REMOVAL = "removal"  # of the installation, by hand or after a failed first run
    PURGE = "purge"  # a removal that was told to take the data as well


async def reason_to_keep(cluster: Cluster, live: Object, occasion: Occasion) -> str:
    """Say why an object stays; empty when it may be deleted.

    A removal takes what owns data volumes, and leaves the volumes (`operated.delete` does).
    """
    kind = group_of(live["apiVersion"]), live["kind"]
    if kind == CRD:
        if occasion is not Occasion.PURGE:
            return "deleting a definition deletes every object of its kind"
        return "objects of its kind exist" if await has_objects(cluster, live) else ""
    if kind == NAMESPACE:
        return "a namespace is deleted last, when nothing is in it"
    if occasion is Occasion.PURGE:
        return ""
    if kind in _VOLUMES and not await _is_ephemeral(cluster, live):
        return "it holds data"
    notes = at(live, "metadata.annotations", {})
    if asks_to_stay(live) or (occasion is Occasion.CHANGE and notes.get(LEFT_OUT) == "keep"):
        return "it asks to be kept"
    if occasion is Occasion.CHANGE and (claims := await volumes_under(cluster, live)):
        return f"it owns data volumes ({', '.join(each.name for each in claims)})"
    return ""


def asks_to_stay(live: Object) -> bool:
    """Tell whether Helm leaves the object when it uninstalls the release."""
    return bool(at(live, "metadata.annotations", {}).get(KEEP) == "keep")


async def has_objects(cluster: Cluster, definition: Object) -> bool:
    """Tell whether any object of a definition's kind is there; where none can be asked for, there
    may be some."""
    spec = definition["spec"]
    kind = str(spec["names"]["kind"])
    served = [v["name"] for v in spec["versions"] if v.get("served", True)]
    for version in served:
        try:
            listed = await cluster.list(f"{spec['group']}/{version}", kind, most=1, bare=True)
        except NotFound:
            continue
        except Forbidden:
            return True
        return bool(listed.items)
    return True


async def volumes_under(cluster: Cluster, live: Object) -> dict[Ref, str]:
    """The data volumes that go when this object goes, and their uids: it owns them, directly or
    through others."""
    uid = str(live["metadata"]["uid"])
    found = await cluster.list(*PVC, namespace=live["metadata"].get("namespace"), bare=True)
    known: dict[str, Object | None] = {}
    under: dict[Ref, str] = {}
    for claim in found.items:
        claim = {"apiVersion": PVC[0], "kind": PVC[1], **claim}
        owners = await uids_above(cluster, claim, known)
        if uid in owners and not await _is_ephemeral(cluster, claim):
            under[Ref.of(claim)] = str(claim["metadata"]["uid"])
    return under


async def uids_above(
    cluster: Cluster, obj: Object, known: dict[str, Object | None], depth: int = 0
) -> set[str]:
    """The uids of an object's owners, and of theirs; `known` are the owners seen before."""
    found: set[str] = set()
    for reference in owners_of(obj):
        uid = str(reference.get("uid"))
        found.add(uid)
        if uid not in known:
            known[uid] = await _owner(cluster, obj, reference)
        above = known[uid]
        if above is not None and depth < _DEPTH:
            found |= await uids_above(cluster, above, known, depth + 1)
    return found


async def _owner(cluster: Cluster, obj: Object, reference: Object) -> Object | None:
    """The owner, when it is there; one in the same namespace, or one without any."""
    version, kind, name = (str(reference.get(key)) for key in ("apiVersion", "kind", "name"))
    for space in dict.fromkeys((obj["metadata"].get("namespace"), None)):
        try:
            live = await cluster.get(Ref(version, kind, name, space))
        except Forbidden:
            continue
        except ApiError:  # NotFound among them: then nothing is above
            continue
        if live["metadata"]["uid"] == reference.get("uid"):
            return {"apiVersion": version, "kind": kind, **live}
    return None


def owners_of(obj: Object) -> Iterable[Object]:
    """The owner references of an object."""
    return obj["metadata"].get("ownerReferences") or ()


def is_owned(obj: Object, uid: str) -> bool:
    """Tell whether the garbage collector deletes an object with the owner that has this uid."""
    return any(reference.get("uid") == uid for reference in owners_of(obj))


async def _is_ephemeral(cluster: Cluster, claim: Object) -> bool:
    """Tell whether a claim is a generic ephemeral volume, which lives as long as its pod.

    That of a pod which is gone is taken for data: a StatefulSet that scales down owns its claims
    by pods as well.
    """
    for reference in owners_of(claim):
        if reference.get("kind") != "Pod":
            continue
        pod = await _owner(cluster, claim, reference)
        for volume in at(pod, "spec.volumes", []):
            name = f"{reference.get('name')}-{volume.get('name')}"
            if "ephemeral" in volume and name == claim["metadata"]["name"]:
                return True
    return False
