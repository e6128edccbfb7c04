"""Take away what an earlier run applied and this one leaves out: a client's copy of a Secret, say.

Only objects that the record knows and that still carry our labels go. What holds data stays (a
volume, what owns one, whatever asks to be kept), and a removal finds it in the record. Most go once
the steps are done, so that nothing is without its old part before it has the new one; what works by
being there goes first: a Role that is left still grants, a Dapr component that is left is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from skill_runner.execution.state import Walk, begin_change
from skill_runner.installations import data, releases
from skill_runner.installations.deletion import Leaving, until_gone
from skill_runner.installations.owned import look
from skill_runner.objects import Ref
from skill_runner.plan import PlannedApply
from skill_runner.readiness.status.table import group_of

WORK_BY_BEING_THERE: Final = frozenset({"dapr.io", "rbac.authorization.k8s.io"})  # API groups
GONE_WITHIN: Final = 60.0  # seconds


async def prune_what_works_by_itself(walk: Walk) -> None:
    """Before the steps: what starts later must not find it. NotReadyInTime when it does not go."""
    await _prune(
        walk, [r for r in walk.record.objects if group_of(r.api_version) in WORK_BY_BEING_THERE]
    )


async def prune(walk: Walk) -> None:
    """After the steps: delete what is left out, and note it. NotReadyInTime when it does not go."""
    await _prune(walk, walk.record.objects)


async def _prune(walk: Walk, candidates: Iterable[Ref]) -> None:
    if walk.options.no_change:
        return
    wanted = await _wanted(walk)
    for ref in candidates:
        if ref not in wanted and (uid := await _goes(walk, ref)):
            await _delete(walk, ref, uid)


async def _wanted(walk: Walk) -> frozenset[Ref]:
    cluster, namespace = walk.world.cluster, walk.plan.installation.namespace
    return frozenset(
        [
            Ref.of(await releases.with_namespace(cluster, manifest, namespace))
            for step in walk.plan.steps
            if isinstance(step, PlannedApply)
            for manifest in step.manifests
        ]
    )


async def _goes(walk: Walk, ref: Ref) -> str:
    """The uid of the object where it is ours still, and holds no data; empty where it stays."""
    found = await look(walk.world.cluster, ref, walk.plan.installation, walk.record.held(ref))
    if found.live is None:
        _forget(walk, ref)
        return ""
    if not found.whose.is_ours:
        walk.notes.append(f"left alone: {found}")
        _forget(walk, ref)
        return ""
    kept = await data.reason_to_keep(walk.world.cluster, found.live, data.Occasion.CHANGE)
    return "" if kept else found.whose.uid


async def _delete(walk: Walk, ref: Ref, uid: str) -> None:
    await begin_change(walk)
    await walk.world.cluster.delete(ref, uid=uid)
    await until_gone(replace(walk.world, report=walk.report), [Leaving(ref, uid)], GONE_WITHIN)
    _forget(walk, ref)
    walk.notes.append(f"removed {ref}, which is no longer part of the installation")


def _forget(walk: Walk, ref: Ref) -> None:
    objects = tuple(r for r in walk.record.objects if r != ref)
    walk.record = replace(walk.record, objects=objects).remembering({ref: ""})
