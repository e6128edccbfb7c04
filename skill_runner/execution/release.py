"""Perform a release step: whose the release is, what differs, and whether Helm must act."""

from __future__ import annotations

from dataclasses import replace

from skill_runner.backends.base import Release
from skill_runner.execution import deploy, patient
from skill_runner.execution.stability import await_objects
from skill_runner.execution.state import Done, Walk, begin_change, stability_of
from skill_runner.installations import releases, uninstall
from skill_runner.installations.deletion import find_leaving, until_gone
from skill_runner.installations.owned import Found, look_at_release, refusal
from skill_runner.installations.ownership import Ownership
from skill_runner.installations.record import Record, ReleaseRecord
from skill_runner.installations.removal_state import Removal, RunGuard
from skill_runner.objects import Ref
from skill_runner.plan import PlannedRelease
from skill_runner.readiness.wait import Expected


async def perform_release(walk: Walk, step: PlannedRelease, old: Record | None) -> Done:
    """Install or upgrade what differs, and wait for its objects. `old`: the record before."""
    helm, cluster = walk.world.helm, walk.world.cluster
    installation = walk.plan.installation
    found, whose = await look_at_release(
        helm, step.release, step.namespace, installation, walk.record
    )
    if found is not None:
        await _take(walk, step, found, whose, interrupted=not (old and old.complete))
    why = await releases.is_as_applied(helm, patient.patient(walk), step)
    if walk.options.redeploy:
        why = why or "asked to deploy again"
    if not whose.is_free:
        why = f"adopted from {whose.owner}"
    _remember_release(walk, step)
    scaled: tuple[str, ...] = ()
    if why:
        scaled = await releases.find_scaled(helm, cluster, step) if found else ()
        await begin_change(walk)
        await _let_go(walk, step)
        await deploy.deploy(walk, step)
    objects = await helm.manifest(step.release, step.namespace)
    expected = [
        Expected.of(
            await releases.with_namespace(cluster, m, step.namespace), made=True, changed=bool(why)
        )
        for m in objects
    ]
    stability = stability_of(walk) if why else 0.0
    await await_objects(walk, expected, step.wait, step.timeout, stability=stability)
    if not why:
        return "unchanged", ""
    if found and walk.options.no_change:
        walk.notes.append(f"put back as the record says (release {step.release}): {why}")
    walk.notes.extend(f"scaled up again: {each}" for each in scaled)
    return "done", f"upgraded: {why}" if found else "installed"


async def _take(
    walk: Walk, step: PlannedRelease, found: Release, whose: Ownership, *, interrupted: bool
) -> None:
    """Refuse a release of others; put right what a killed run left of one of ours."""
    if not whose.is_free and not walk.options.adopt:
        raise refusal(Found(found, None, whose))
    took = await releases.release_lock(walk.world.helm, found, walk.plan.installation)
    if took:
        walk.notes.append(took)
    entry = ReleaseRecord(step.release, step.namespace, "")
    if whose.is_ours and interrupted:
        await uninstall.give_back(walk.world, walk.plan.installation, entry)
    if found.status == "uninstalling" and whose.is_ours:
        await begin_change(walk)
        walk.notes.append(await _finish_uninstall(walk, entry))


async def _let_go(walk: Walk, step: PlannedRelease) -> None:
    """Wait for what someone is deleting: Helm would patch it, and it would vanish afterwards."""
    spec = releases.release_spec(step, walk.plan.installation, walk.run.id)
    made = [
        Ref.of(await releases.with_namespace(walk.world.cluster, manifest, step.namespace))
        for manifest in await walk.world.helm.template(spec)
    ]
    leaving = await find_leaving(walk.world.cluster, made)
    await until_gone(replace(walk.world, report=walk.report), leaving, step.timeout)


def _remember_release(walk: Walk, step: PlannedRelease) -> None:
    known = {(r.name, r.namespace): r for r in walk.record.releases}
    digest = releases.release_digest(step)
    before = known.pop((step.release, step.namespace), None)
    entry = ReleaseRecord(step.release, step.namespace, digest)
    if before:
        entry = replace(before, digest=digest)
    walk.record = replace(walk.record, releases=(*known.values(), entry))


async def _finish_uninstall(walk: Walk, entry: ReleaseRecord) -> str:
    """Finish the uninstall that a dead removal of ours began, so that Helm installs again; what
    was done, in words. The installation's lock is held, so whoever began it is dead."""
    removal = Removal(
        walk.world,
        walk.record,
        RunGuard(walk.check_lock, walk.expect_gone),
        purge=False,
        timeout=uninstall.GONE_WITHIN,
    )
    await uninstall.take_down(removal, entry)
    leaving = [each for each in removal.leaving if each.ref not in removal.to_keep]
    await until_gone(replace(walk.world, report=walk.report), leaving, removal.timeout)
    walk.record = replace(walk.record, leaving=removal.target.leaving)
    return f"finished the uninstall of release {entry.name}, which a removal had begun"
