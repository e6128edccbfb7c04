"""Keep data volumes out of Helm's hands while it rolls back or uninstalls.

Helm 4 deletes nothing that is not marked as its release's own (verifyOwnershipBeforeDelete in
pkg/action/validate.go), and an upgrade or rollback leaves alone what asks to be kept
(helm.sh/resource-policy; pkg/kube/client.go). So a claim is disowned meanwhile, and owned again
afterwards, so that the next install adopts it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from skill_runner.backends.base import Cluster, Object, Ref
from skill_runner.errors import Conflict, NotFound
from skill_runner.status.fields import at

PVC: Final = ("v1", "PersistentVolumeClaim")
OWNER: Final = "meta.helm.sh/release-name"
KEEP: Final = "helm.sh/resource-policy"
ATTEMPTS: Final = 5


def claims_in(manifests: Iterable[Object]) -> tuple[Ref, ...]:
    """The claims that a release itself holds; those of StatefulSets' templates are not in it."""
    return tuple(
        Ref.of(m) for m in manifests if (m.get("apiVersion"), m.get("kind")) == PVC
    )  # fmt: skip


def deleting_sets(manifests: Iterable[Object]) -> tuple[str, ...]:
    """StatefulSets that ask for their volumes to be deleted with them."""
    return tuple(
        str(at(m, "metadata.name")) for m in manifests
        if m.get("kind") == "StatefulSet"
        and at(m, "spec.persistentVolumeClaimRetentionPolicy.whenDeleted") == "Delete"
    )  # fmt: skip


@asynccontextmanager
async def spared(cluster: Cluster, claims: Sequence[Ref]) -> AsyncIterator[None]:
    """Whatever Helm does meanwhile, these claims stay."""
    before: dict[Ref, dict[str, str]] = {}
    for ref in claims:
        with suppress(NotFound):
            notes = dict(at(await cluster.get(ref), "metadata.annotations", {}))
            await annotate(cluster, ref, {KEEP: "keep", OWNER: None})
            before[ref] = notes
    try:
        yield
    finally:
        for ref, notes in before.items():
            with suppress(NotFound):
                await annotate(cluster, ref, {key: notes.get(key) for key in (KEEP, OWNER)})


async def annotate(cluster: Cluster, ref: Ref, wanted: Mapping[str, str | None]) -> None:
    """Set annotations of an object, or take those away whose value is None."""
    for attempt in range(ATTEMPTS):
        live = await cluster.get(ref)
        notes = {**at(live, "metadata.annotations", {}), **wanted}
        notes = {key: value for key, value in notes.items() if value is not None}
        try:
            await cluster.replace({**live, "metadata": {**live["metadata"], "annotations": notes}})
            return
        except Conflict:
            if attempt == ATTEMPTS - 1:
                raise
