"""Remove installations, dependents before what they require, from their records alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from skill_runner.actions.requirements.dag import Work, walk
from skill_runner.backends.world import World, cluster_of
from skill_runner.errors import Forbidden, NotFound, Refused, SkillError
from skill_runner.installations import lock, removal, store
from skill_runner.installations.record import Record
from skill_runner.installations.records import Records
from skill_runner.outcome import Outcome, SkillResult, SkillStatus, from_error
from skill_runner.plan import Installation
from skill_runner.runs.process import Holder


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The result of one removal; neither `done` nor `failed` when its dependents stand in the way.

    Wall time in seconds.
    """

    done: removal.Removed | None = None
    failed: Outcome | None = None
    seconds: float = 0.0


async def remove(
    world: World,
    targets: Sequence[Record],
    *,
    purge: bool,
    cascade: bool,
    unasked: bool = False,
    run: str = "",
) -> Outcome:
    """Remove the targets; with `cascade` all that require them, too, and with `unasked` what only
    they require and nobody asked for. `run` is the id by which others may ask for this command.

    Refused while another installation requires one of them.
    """
    looked_up = Records(world.cluster, (each.installation.namespace for each in targets))
    records = {r.installation: r for r in await looked_up.all()}
    chosen = {target.installation: target for target in targets}
    if cascade:
        _add_dependents(chosen, records)
    _refuse_used(chosen, records)
    if unasked:
        _add_unasked(chosen, records)
    for each in chosen.values():
        world.admit(each.installation, each.skill)
        _refuse_delivered(each)
    gone = await walk(_order(chosen), _work(world, chosen, run, purge=purge))
    return _outcome(world, targets, chosen, gone, records)


async def finish(world: World, name: str, namespace: str | None, run: str = "") -> Outcome | None:
    """Give back the lock of a command that was killed where there was no record, such as a removal
    after its last change. None when there is none; LockHeld when its holder is alive."""
    ref = lock.lease_ref(Installation(namespace or "", name))
    one = f"metadata.name={ref.name}"
    try:
        leases = await world.cluster.list(
            ref.api_version, ref.kind, namespace=namespace, fields=one
        )
    except Forbidden:
        return None
    found = [Installation(each["metadata"]["namespace"], name) for each in leases.items]
    left = [each for each in found if world.scope.allows(str(each), skill="")]
    if len(left) != 1:
        return None
    me = str(Holder.here())
    async with lock.hold(world.connect, left[0], me, world.clock, world.report, run=run):
        pass
    return Outcome(
        status="removed",
        exit_code=0,
        installation=str(left[0]),
        version="",
        changed=True,
        cluster=cluster_of(world),
        notes=(f"removed {lock.lease_ref(left[0])}, which a command that was killed left",),
    )


def _refuse_delivered(target: Record) -> None:
    """Refused where it would come back from its repository."""
    if target.delivered_by:
        raise Refused(
            f"{target.installation} is delivered by {target.delivered_by}, which would create it "
            "again",
            hint="Take it out of the platform file, render it, and commit.",
        )


def _add_dependents(
    chosen: dict[Installation, Record], records: Mapping[Installation, Record]
) -> None:
    left = list(chosen.values())
    while left:
        for user in _users(left.pop(), records):
            if user.installation not in chosen:
                chosen[user.installation] = user
                left.append(user)


def _add_unasked(
    chosen: dict[Installation, Record], records: Mapping[Installation, Record]
) -> None:
    """Add what came with these, and is required by nobody else."""
    found = True
    while found:
        found = False
        for other in records.values():
            users = [user.installation for user in _users(other, records)]
            alone = bool(users) and all(user in chosen for user in users)
            if alone and not other.asked and other.installation not in chosen:
                chosen[other.installation] = other
                found = True


def _users(target: Record, records: Mapping[Installation, Record]) -> list[Record]:
    name = str(target.installation)
    return [other for other in records.values() if name in other.requires.values()]


def _refuse_used(
    chosen: Mapping[Installation, Record], records: Mapping[Installation, Record]
) -> None:
    for target in chosen.values():
        users = [u for u in _users(target, records) if u.installation not in chosen]
        if users:
            name = target.installation
            raise Refused(
                f"{name} is required by {', '.join(str(u.installation) for u in users)}",
                hint=f"skill remove {name.name} -n {name.namespace} --cascade --yes removes "
                "these first; or remove them by name.",
            )


def _order(chosen: Mapping[Installation, Record]) -> dict[Installation, tuple[Installation, ...]]:
    """Each after those that require it."""
    return {
        each: tuple(u.installation for u in _users(target, chosen))
        for each, target in chosen.items()
    }


def _work(
    world: World, chosen: Mapping[Installation, Record], run: str, *, purge: bool
) -> Work[Installation, Gone]:
    clock = world.clock

    async def do(installation: Installation) -> Gone:
        began = clock.monotonic()
        me, locked = str(Holder.here()), False
        try:
            async with lock.hold(
                world.connect, installation, me, clock, world.report, run=run
            ) as held:
                locked = True
                done = await _remove(world.under(held), installation, held, chosen, purge=purge)
        except SkillError as error:
            if isinstance(error, NotFound) and not locked:  # the namespace is gone with it
                return Gone(done=_by_another(installation), seconds=clock.monotonic() - began)
            failed = from_error.outcome_of(error, installation=str(installation))
            return Gone(failed=failed, seconds=clock.monotonic() - began)
        return Gone(done=done, seconds=clock.monotonic() - began)

    return Work(do=do, good=lambda gone: gone.done is not None, blocked=lambda each, by: Gone())


async def _remove(
    world: World,
    installation: Installation,
    held: lock.Held,
    chosen: Mapping[Installation, Record],
    *,
    purge: bool,
) -> removal.Removed:
    """By the record as it is under the lock: others may have removed or changed it meanwhile."""
    target = await store.read(world.cluster, installation)
    if target is None and purge:
        target = await store.read_kept(world.cluster, installation)
    if target is None:
        return _by_another(installation)
    now = {
        each.installation: each
        for each in await Records(world.cluster, [i.namespace for i in chosen]).all()
    }
    _refuse_used({installation: target}, {i: each for i, each in now.items() if i not in chosen})
    return await removal.remove(world, target, held, purge=purge)


def _by_another(installation: Installation) -> removal.Removed:
    return removal.Removed(notes=[f"{installation} was removed by another command meanwhile"])


def _outcome(
    world: World,
    targets: Sequence[Record],
    chosen: Mapping[Installation, Record],
    gone: Mapping[Installation, Gone],
    records: Mapping[Installation, Record],
) -> Outcome:
    failed = next((g.failed for g in gone.values() if g.failed), None)
    removed = [g.done for g in gone.values() if g.done]
    one = targets[0] if len(targets) == 1 else None
    return Outcome(
        status=failed.status if failed else "removed",
        exit_code=failed.exit_code if failed else 0,
        installation=str(one.installation) if one else "",
        version=one.version if one else "",
        changed=bool(removed),
        cluster=cluster_of(world),
        problem=failed.problem if failed else None,
        skills=tuple(_line(chosen[each], gone[each]) for each in gone) if len(gone) > 1 else (),
        notes=(
            *(
                f"lost: {what} should have been kept and no longer exists"
                for r in removed
                for what in r.lost
            ),
            *(
                f"kept {what}; `skill remove --purge` deletes data"
                for r in removed
                for what in r.kept
            ),
            *_brought_back(chosen, gone),
            *(f"left alone: {what}" for r in removed for what in r.left),
            *(note for r in removed for note in r.notes),
            *_left_alone(chosen, records),
            *(f"removed {what}" for done in removed for what in done.removed),
        ),
    )


def _brought_back(
    chosen: Mapping[Installation, Record], gone: Mapping[Installation, Gone]
) -> Iterable[str]:
    """The command that brings each installation back to the data that was kept."""
    for each, what in gone.items():
        if what.done and what.done.kept:
            skill = chosen[each].skill
            yield (
                f"skill run {skill} --name {each.name} -n {each.namespace} restores it with the "
                "same inputs"
            )


def _line(target: Record, gone: Gone) -> SkillResult:
    status: SkillStatus = "blocked"
    message = ""
    if gone.done:
        status = "removed"
    elif gone.failed and gone.failed.problem:
        status, message = gone.failed.status, gone.failed.problem.cause
    return SkillResult(
        installation=str(target.installation),
        skill=target.skill,
        version=target.version,
        status=status,
        seconds=gone.seconds,
        message=message,
    )


def _left_alone(
    chosen: Mapping[Installation, Record], records: Mapping[Installation, Record]
) -> Iterable[str]:
    """List what came with these, and serves nobody now."""
    left = dict(chosen)
    _add_unasked(left, records)
    return (
        f"kept {each}, which nothing requires now: skill remove {each.name} -n {each.namespace}"
        for each in left
        if each not in chosen
    )
