"""Keep data out of Helm's hands while it rolls back, upgrades or uninstalls.

Helm 4 deletes nothing that is not marked as its release's own (verifyOwnershipBeforeDelete in
pkg/action/validate.go), and an upgrade or rollback leaves alone what asks to be kept
(helm.sh/resource-policy; pkg/kube/client.go). So a claim is disowned meanwhile, and owned again
afterwards, so that the next install adopts it. A claim that is disowned says so itself, and by
whom: should the process be killed, the next run or removal gives it back.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from skill_runner.backends.base import Cluster
from skill_runner.errors import Conflict, NotFound
from skill_runner.installations.data import KEEP, Occasion, reason_to_keep
from skill_runner.installations.ownership import HELM_NAME
from skill_runner.objects import Object, Ref, at
from skill_runner.plan import Installation
from skill_runner.plan.placement import KEPT

# An annotation with a JSON object: `by` whom, and the annotations to `restore` (null: none).
SPARED: Final = "skill-runner.dev/spared"
_CHANGED: Final = (KEEP, HELM_NAME, KEPT)
ATTEMPTS: Final = 5


async def to_spare(cluster: Cluster, placed: Iterable[Object]) -> list[Ref]:
    """Those of a release's objects that a change must not take, should Helm mean to."""
    kept = []
    for manifest in placed:
        with suppress(NotFound):
            live = {**await cluster.get(Ref.of(manifest)), "kind": manifest["kind"]}
            live["apiVersion"] = manifest["apiVersion"]
            if await reason_to_keep(cluster, live, Occasion.CHANGE):
                kept.append(Ref.of(manifest))
    return kept


@asynccontextmanager
async def spared(
    cluster: Cluster, refs: Sequence[Ref], installation: Installation
) -> AsyncIterator[None]:
    """Whatever Helm does meanwhile, these objects stay."""
    for ref in refs:
        with suppress(NotFound):
            await _disown(cluster, ref, installation)
    try:
        yield
    finally:
        for ref in refs:
            with suppress(NotFound):
                await _own_again(cluster, ref)


async def give_back(cluster: Cluster, refs: Iterable[Ref], installation: Installation) -> None:
    """Own again those of the objects that a killed process of this installation left disowned."""
    for ref in refs:
        with suppress(NotFound):
            if _spared(await cluster.get(ref)).get("by") == str(installation):
                await _own_again(cluster, ref)


async def _disown(cluster: Cluster, ref: Ref, installation: Installation) -> None:
    live = await cluster.get(ref)
    before: Mapping[str, str] = at(live, "metadata.annotations", {})
    # What a process that was killed noted is what counts, although Helm may own it again by now.
    note = _spared(live) or {
        "by": str(installation),
        "restore": {k: before.get(k) for k in _CHANGED},
    }
    wanted: dict[str, str | None] = {
        SPARED: json.dumps(note, sort_keys=True),
        KEEP: "keep",
        HELM_NAME: None,
    }
    wanted[KEPT] = str(installation)  # without its release's mark, it is ours by this one
    await annotate(cluster, ref, wanted)


async def _own_again(cluster: Cluster, ref: Ref) -> None:
    note = _spared(await cluster.get(ref))
    if note:
        await annotate(cluster, ref, {**note["restore"], SPARED: None})


def _spared(live: Object) -> Object:
    """The note on a disowned claim; empty on every other."""
    text = at(live, "metadata.annotations", {}).get(SPARED, "")
    try:
        note = json.loads(text)
        return {
            "by": str(note["by"]),
            "restore": {k: note["restore"][k] for k in _CHANGED},
        }
    except (ValueError, KeyError, TypeError):
        return {}


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
