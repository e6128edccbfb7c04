"""Perform an apply step: write only what differs from the cluster, and wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from skill_runner.errors import Conflict, NotFound
from skill_runner.execution import patient
from skill_runner.execution.stability import await_objects
from skill_runner.execution.state import Done, Walk, begin_change, ensure_space, stability_of
from skill_runner.installations import releases
from skill_runner.installations.deletion import find_leaving, until_gone
from skill_runner.installations.owned import Found, look, refusal
from skill_runner.objects import Object, Ref
from skill_runner.plan import PlannedApply
from skill_runner.readiness.wait import Expected


async def perform_apply(walk: Walk, step: PlannedApply) -> Done:
    """Apply what differs, by a dry run each. Refused before the first when one is another's."""
    cluster, installation = walk.world.cluster, walk.plan.installation
    all_wanted = [
        await releases.with_namespace(cluster, manifest, installation.namespace)
        for manifest in step.manifests
    ]
    looked = [
        await look(cluster, ref, installation, walk.record.held(ref))
        for ref in map(Ref.of, all_wanted)
    ]
    others = [found for found in looked if not found.whose.is_free]
    if others and not walk.options.adopt:
        raise refusal(*others)
    _remember_objects(walk, looked)
    expected: list[Expected] = []
    uids: dict[Ref, str] = {}
    for wanted, found in zip(all_wanted, looked, strict=True):
        live = await _apply_if_different(walk, wanted, found, step.timeout)
        expected.append(Expected.of(wanted, live, made=True))
        if live is not None:
            uids[Ref.of(wanted)] = str(live["metadata"]["uid"])
    walk.record = walk.record.remembering(uids)
    walk.run.manifests(step.id, step.manifests)
    await await_objects(
        walk, expected, step.wait, step.timeout, stability=stability_of(walk) if uids else 0
    )
    return ("done", f"{len(uids)} of {len(expected)} applied") if uids else ("unchanged", "")


async def _apply_if_different(
    walk: Walk, wanted: Object, found: Found, timeout: float
) -> Object | None:
    """The applied object, or None when it stands as wanted."""
    cluster = walk.world.cluster
    if found.live is not None and found.whose.is_ours:
        with suppress(NotFound, Conflict):
            if not await releases.differs(patient.patient(walk), wanted, found.live):
                return None
    await begin_change(walk)
    leaving = await find_leaving(cluster, [Ref.of(wanted)])
    await until_gone(replace(walk.world, report=walk.report), leaving, timeout)
    if space := wanted["metadata"].get("namespace"):
        await ensure_space(walk, space)
    same = found.whose.uid if not leaving else ""
    try:
        return await patient.apply(walk, wanted, uid=same, force=not found.whose.is_free)
    except Conflict:  # it may be another one by now, or gone
        ref = found.ref
        now = await look(cluster, ref, walk.plan.installation, walk.record.held(ref))
        if now.live is None:
            return await patient.apply(walk, wanted)
        if not now.whose.is_free and now.whose.uid != same:
            raise refusal(now) from None
        raise


def _remember_objects(walk: Walk, looked: Sequence[Found]) -> None:
    """In the order in which they were first made: a removal goes the other way.

    The uid of one that is gone, or is another now, must not outlive it in the record.
    """
    uids = {each.ref: each.whose.uid if each.whose.is_ours else "" for each in looked}
    known = walk.record.objects
    objects = (*known, *(ref for ref in uids if ref not in known))
    walk.record = replace(walk.record, objects=objects).remembering(uids)
