"""The data volumes of an installation, each with the proof that it is this one's.

A label proves nothing here: Argo CD and others set the usual one, too. A claim is ours by our mark,
by the release of ours whose manifest holds it, as a claim of a StatefulSet of ours, as what an
object of ours owns, or as what an operator made for a pod that an object of ours owns. A removal
that keeps claims marks them, so that a later one, and the next installation, know them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from skill_runner.backends.base import Cluster, Helm
from skill_runner.errors import NotFound
from skill_runner.installations import volumes
from skill_runner.installations.data import PVC, uids_above
from skill_runner.installations.owned import look, look_at_release
from skill_runner.installations.ownership import Held, judge
from skill_runner.installations.record import Record
from skill_runner.objects import MANAGED_BY, Object, Ref, at
from skill_runner.plan.placement import INSTANCE, KEPT
from skill_runner.readiness.status.table import is_custom

SET: Final = "StatefulSet"


async def find_claims(cluster: Cluster, helm: Helm, record: Record) -> dict[Ref, str]:
    """The claims that are provably of this installation, and their uids."""
    spaces = dict.fromkeys(
        [
            record.installation.namespace,
            *(r.namespace for r in record.releases),
            *(ref.namespace for ref in record.objects if ref.namespace),
        ]
    )
    sets, named = await _sets_of(cluster, helm, record)
    owners = await _uids_of_objects(cluster, record)
    found: dict[Ref, str] = {}
    for space in spaces:
        pods = await _operated_pods(cluster, record, space)
        for claim in (await cluster.list(*PVC, namespace=space)).items:
            ref = Ref(*PVC, claim["metadata"]["name"], space)
            owned_by = claim["metadata"].get("ownerReferences") or ()
            held = Held(
                uid=record.uids.get(ref, ""),
                listed=ref in record.objects,
                releases=named,
                through=any(o.get("uid") in owners for o in owned_by)
                or any(is_claim_of(claim, each) for each in sets)
                or any(_is_made_for(claim, pod) for pod in pods),
            )
            whose = judge(claim, record.installation, held)
            if whose.is_ours:
                found[ref] = whose.uid
    return found


async def _sets_of(
    cluster: Cluster, helm: Helm, record: Record
) -> tuple[list[Object], frozenset[tuple[str, str]]]:
    """The StatefulSets of the installation, by its releases and its objects; its releases."""
    sets: list[Object] = []
    named = set()
    for release in record.releases:
        _, whose = await look_at_release(
            helm, release.name, release.namespace, record.installation, record
        )
        if whose.is_ours:
            named.add((release.name, release.namespace))
            for manifest in await helm.manifest(release.name, release.namespace):
                if manifest["kind"] == SET:
                    meta = {"namespace": release.namespace, **manifest["metadata"]}
                    sets.append({**manifest, "metadata": meta})
    for ref in record.objects:
        if ref.kind == SET:
            found = await look(cluster, ref, record.installation, record.held(ref))
            sets += [found.live] if found.live is not None and found.whose.is_ours else []
    return sets, frozenset(named)


async def _uids_of_objects(cluster: Cluster, record: Record) -> set[str]:
    """The uids of what was applied and is ours: an operator's resource owns its claims by them."""
    uids = {record.uids[ref] for ref in record.objects if ref in record.uids}
    for ref in record.objects:
        if ref not in record.uids and is_custom(ref.api_version):  # of an older version's record
            found = await look(cluster, ref, record.installation, record.held(ref))
            uids |= {found.whose.uid} if found.whose.is_ours else set()
    return uids


async def _operated_pods(cluster: Cluster, record: Record, space: str) -> list[Object]:
    """The pods of a namespace that a custom resource of ours owns, directly or through others."""
    uids = {
        uid
        for ref, uid in record.uids.items()
        if ref in record.objects and ref.namespace == space and is_custom(ref.api_version)
    }
    if not uids:
        return []
    known: dict[str, Object | None] = {}
    pods = (await cluster.list("v1", "Pod", namespace=space)).items
    return [pod for pod in pods if uids & await uids_above(cluster, pod, known)]


def _is_made_for(claim: Object, pod: Object) -> bool:
    """Tell whether the maker of a pod, by the usual labels, made the claim that the pod mounts.

    Strimzi owns no claim of a broker (`deleteClaim: false`). One that a user has put there does not
    say that the operator manages it.
    """
    name, labels = claim["metadata"]["name"], claim["metadata"].get("labels") or {}
    mounted = {at(v, "persistentVolumeClaim.claimName") for v in at(pod, "spec.volumes", ())}
    made_by = {key: at(pod, "metadata.labels", {}).get(key) for key in (MANAGED_BY, INSTANCE)}
    return name in mounted and all(made_by.values()) and made_by.items() <= labels.items()


def is_claim_of(claim: Object, made_by: Object) -> bool:
    """Tell whether a StatefulSet makes a claim of this name, with the labels that it gives it.

    The controller names claims TEMPLATE-SET-ORDINAL and labels them by the set's selector
    (pkg/controller/statefulset/stateful_set_utils.go of Kubernetes).
    """
    meta = claim["metadata"]
    if meta.get("namespace") != made_by["metadata"].get("namespace"):
        return False
    wanted: Mapping[str, str] = at(made_by, "spec.selector.matchLabels", {})
    if not wanted.items() <= (meta.get("labels") or {}).items():
        return False
    return has_claim_named(made_by, meta["name"])


def has_claim_named(made_by: Object, name: str) -> bool:
    """Tell whether a StatefulSet makes, or takes, the claim of this name."""
    stem, _, ordinal = name.rpartition("-")
    return ordinal.isdecimal() and any(
        stem == f"{template['metadata']['name']}-{made_by['metadata']['name']}"
        for template in at(made_by, "spec.volumeClaimTemplates", ())
    )


async def mark(cluster: Cluster, refs: Iterable[Ref], record: Record) -> None:
    """Write our mark on what was judged ours, before what proves it is gone."""
    for ref in refs:
        try:
            await volumes.annotate(cluster, ref, {KEPT: str(record.installation)})
        except NotFound:
            continue
