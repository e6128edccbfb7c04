"""Carry out `on_failure` of the skill for what a failed run leaves, once the evidence is kept.

A rollback goes to the last revision with which a whole run was ready and proven, which the record
knows (Helm calls every revision "deployed" that it could apply), and is itself awaited. Data
volumes are never removed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from skill_runner.backends.base import Release
from skill_runner.errors import (
    ClusterUnreachable,
    LockHeld,
    LockLost,
    NotReadyInTime,
    ReleaseLocked,
    SkillError,
)
from skill_runner.execution.state import Walk
from skill_runner.installations import record, releases, removal, store, volumes
from skill_runner.installations.owned import Found, in_the_way, refusal
from skill_runner.installations.ownership import Held, judge
from skill_runner.installations.record import Record, ReleaseRecord
from skill_runner.installations.removal_state import RunGuard
from skill_runner.objects import Object
from skill_runner.outcome import Recovery, from_error
from skill_runner.progress import StepFinished, StepResult, StepStarted
from skill_runner.readiness.wait import Expected, WaitResult, wait_ready

# Not failures of what was deployed: later runs go on from here, or nobody may write now.
LEFT_ALONE = (NotReadyInTime, LockLost, LockHeld, ClusterUnreachable, ReleaseLocked)


@dataclass(frozen=True, slots=True)
class _Back:
    """A release that went back: to which revision, and as which new one."""

    entry: ReleaseRecord
    target: int
    now: Release


async def undo(walk: Walk, error: SkillError, old: Record | None) -> Recovery | None:
    """Roll back or remove as the skill asks; None where everything is kept. Never raises."""
    mode = walk.plan.skill.on_failure
    if mode == "keep" or not walk.changed or isinstance(error, LEFT_ALONE):
        return None
    first = old is None or not old.proven
    if first and mode == "rollback":
        return Recovery(
            "rollback",
            "nothing to do",
            "no earlier revision was ready, so nothing is rolled back; everything is kept",
        )
    action = "remove" if first else "rollback"
    walk.report(StepStarted(action, f"{action} after the failure"))
    began = walk.world.clock.monotonic()
    try:
        done = await (_remove(walk) if first else _roll_back(walk, old))
    except SkillError as caught:
        done = Recovery("remove" if first else "rollback", "failed", from_error.cause_of(caught))
    good = done.status in ("ready", "done")
    seconds = walk.world.clock.monotonic() - began
    walk.report(
        StepFinished(
            StepResult(
                id=action,
                status="done" if good else "failed",
                seconds=seconds,
                message=done.message,
            )
        )
    )
    return done


async def _good_revision(walk: Walk, entry: ReleaseRecord, old: Record) -> int:
    """The last revision with which a run ended well, if Helm still has it; 0 for none."""
    kept = [
        revision
        for revision in await walk.world.helm.history(entry.name, entry.namespace)
        if judge(revision, walk.plan.installation, Held(listed=True)).is_ours
    ]
    if entry.revision:  # a number alone may be that of a release that was made anew
        same = [r for r in kept if r.revision == entry.revision and entry.uid in ("", r.uid)]
        return entry.revision if same else 0
    # A record from before revisions were kept: the newest that was made from what it says.
    made = [r.revision for r in kept if r.labels.get(releases.DIGEST_LABEL) == entry.digest]
    return max(made, default=0) if old.complete else 0


async def _roll_back(walk: Walk, old: Record | None) -> Recovery:
    assert old is not None
    changed: list[tuple[ReleaseRecord, Release, int]] = []
    for entry in reversed(old.releases):
        newest = await walk.world.helm.get(entry.name, entry.namespace)
        target = await _good_revision(walk, entry, old)
        if newest is None or newest.revision == target:
            continue
        if not target:
            gone = (
                f"the revision of release {entry.name} that was ready is no longer in its history"
            )
            return Recovery("rollback", "nothing to do", f"{gone}; everything is kept")
        changed.append((entry, newest, target))
    back = [
        _Back(entry, target, await _release_back(walk, newest, target))
        for entry, newest, target in changed
    ]
    said = ", ".join(
        f"release {b.entry.name} is back at revision {b.target} (as revision {b.now.revision})"
        for b in back
    )
    result = await _await_old(walk, back)
    extra = [r for r in walk.record.objects if r not in old.objects]
    tail = f"; {len(extra)} applied objects of this run stay" if extra else ""
    if result.state != "ready":
        why = result.problem.cause if result.problem else "it is not ready"
        return Recovery(
            "rollback",
            "not ready",
            f"{said or 'nothing to roll back'}, and that is not ready either: {why}{tail}",
        )
    await _remember(walk, old, back)
    ready = f"ready after {result.seconds:.1f} s"
    return Recovery("rollback", "ready", f"{said or 'no release had changed'}; {ready}{tail}")


async def _release_back(walk: Walk, newest: Release, target: int) -> Release:
    """Roll one release back; the revision that this makes."""
    helm, name, space = walk.world.helm, newest.name, newest.namespace
    installation = walk.plan.installation
    others = [Found(newest, None, judge(newest, installation, Held(listed=True)))]
    others = [each for each in others if not each.whose.is_ours]
    others += await in_the_way(
        walk.world.cluster,
        await helm.manifest(name, space),
        (name, space),
        installation,
        walk.record,
    )
    if others:
        raise refusal(*others)
    walk.check_lock()
    await releases.release_lock(helm, newest, walk.plan.installation)
    kept = await volumes.to_spare(walk.world.cluster, await _placed(walk, name, space))
    async with volumes.spared(walk.world.cluster, kept, installation):
        return await helm.rollback(name, space, target)


async def _placed(walk: Walk, name: str, space: str) -> list[Object]:
    made = await walk.world.helm.manifest(name, space)
    return [await releases.with_namespace(walk.world.cluster, m, space) for m in made]


async def _await_old(walk: Walk, back: list[_Back]) -> WaitResult:
    """The readiness of what stands again."""
    expected = [
        Expected.of(m, made=True, changed=True)
        for b in back
        for m in await _placed(walk, b.entry.name, b.entry.namespace)
    ]
    here = {(e.ref.kind, e.ref.name) for e in expected}
    found = walk.plan.wait_rules
    timeout = max((getattr(step, "timeout", 300.0) for step in walk.plan.steps), default=300.0)
    return await wait_ready(
        walk.world.cluster,
        walk.world.clock,
        expected,
        rules=tuple(r for r in found if (r.kind, r.name) in here),
        timeout=timeout,
        stability=walk.plan.skill.stability,
        policy=walk.policy(),
        report=walk.report,
    )


async def _remember(walk: Walk, old: Record, back: list[_Back]) -> None:
    """The record says again what stands: the inputs of before, at new revisions."""
    now = {(b.entry.name, b.entry.namespace): b.now for b in back}
    entries = tuple(
        replace(e, revision=new.revision, uid=new.uid)
        if (new := now.get((e.name, e.namespace)))
        else e
        for e in old.releases
    )
    known = {(e.name, e.namespace) for e in entries}
    added = tuple(e for e in walk.record.releases if (e.name, e.namespace) not in known)
    walk.check_lock()
    stands = record.given_up(walk.record)
    await store.write(
        walk.world.cluster,
        replace(
            stands,
            releases=(*entries, *added),
            proofs=old.proofs,
            complete=old.complete,
            updated=walk.world.clock.now(),
        ),
    )


async def _remove(walk: Walk) -> Recovery:
    """Everything of a first run that failed, as `skill remove` does it: data is kept."""
    done = await removal.remove(
        walk.world, walk.record, RunGuard(walk.check_lock, walk.expect_gone), purge=False
    )
    kept = f"; kept: {', '.join(done.kept)}" if done.kept else ""
    return Recovery("remove", "done", f"removed {', '.join(done.removed) or 'nothing'}{kept}")
