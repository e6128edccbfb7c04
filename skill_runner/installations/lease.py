"""The Lease behind a lock, and the question whether its holder is dead.

Decided as client-go's leader election decides it: a holder is dead when the Lease has not changed
for its whole duration, measured by the observer's own monotonic clock. No wall clock is compared
with another, and nothing hangs on a watch: the Lease is read again and again, and taken over by
its resourceVersion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from skill_runner.backends.base import Clock, Cluster
from skill_runner.errors import LockHeld, NotFound, SkillError
from skill_runner.objects import OURS, Object, Ref
from skill_runner.outcome import NextAction, Problem
from skill_runner.outcome.fix import fix_of
from skill_runner.plan import Installation
from skill_runner.progress import Note, Report
from skill_runner.runs.process import Holder

RUN: Final = "skill-runner.dev/run"  # annotation: the run that holds the lock
LONGEST: Final = 120.0  # seconds that a holder is watched for; ours ask for less

_RUN_ID: Final = re.compile(r"[a-z0-9]{1,20}-[0-9a-f]{4,16}")
_TIME: Final = re.compile(r"[0-9TZ:.+-]{1,40}")


@dataclass(frozen=True, slots=True)
class Pace:
    """The times of a lock in seconds.

    A heartbeat each `renew`, or `retry` after one that failed. A run without one for `deadline`
    is stopped; what it started has until `duration` to end, when others may take the lock.
    Who waits for that reads the Lease each `look`.
    """

    duration: int = 45
    deadline: float = 30.0
    renew: float = 5.0
    retry: float = 1.0
    look: float = 2.0


PACE: Final = Pace()


def lease_ref(installation: Installation) -> Ref:
    """The Lease that locks an installation."""
    name = f"skill-runner.{installation.name}"
    return Ref("coordination.k8s.io/v1", "Lease", name, installation.namespace)


def new_lease(ref: Ref, holder: str, now: float, *, run: str = "", pace: Pace = PACE) -> Object:
    """The Lease of a run that takes it at `now`, in seconds since the epoch."""
    meta = {
        "name": ref.name,
        "namespace": ref.namespace,
        "labels": dict(OURS),
        "annotations": {RUN: run},
    }
    spec: dict[str, Any] = {
        "holderIdentity": holder,
        "leaseDurationSeconds": pace.duration,
        "acquireTime": micro(now),
        "renewTime": micro(now),
        "leaseTransitions": 0,
    }
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta, "spec": spec}


def taken_over(found: Object, mine: Object) -> Object:
    """The Lease that was found, with the holder of `mine`; it keeps its resourceVersion."""
    transitions = int(found["spec"].get("leaseTransitions") or 0) + 1
    annotations = found["metadata"].get("annotations") or {}
    annotations = {**annotations, **mine["metadata"]["annotations"]}
    return {
        **found,
        "metadata": {**found["metadata"], "annotations": annotations},
        "spec": {**mine["spec"], "leaseTransitions": transitions},
    }


def holder_of(lease: Object) -> Holder:
    """Name the holder of a Lease."""
    return Holder.parse(lease["spec"].get("holderIdentity") or "")


def words_of(lease: Object) -> str:
    """Describe the holder of a Lease for a person: the run and its process."""
    run = _run_of(lease)
    return (f"run {run}, " if run else "") + (holder_of(lease).words or "nobody")


async def find_death(
    cluster: Cluster, lease: Object, clock: Clock, report: Report, pace: Pace
) -> tuple[Object, str]:
    """The Lease as it is when its holder has proven to be dead, and how that is known.

    LockHeld as soon as the holder has proven to be alive, NotFound when it gave the Lease back.
    """
    other = holder_of(lease)
    state = other.state()
    if state == "gone":
        return lease, f"its process {other.pid} is gone"
    duration = float(lease["spec"].get("leaseDurationSeconds") or pace.duration)
    # On one machine the clock is the same; what it says only spares the watching of a live run.
    fresh = state == "running" and 0 <= clock.now() - _seconds(lease["spec"]) <= duration
    if fresh or duration > LONGEST:
        raise locked(lease)
    if not other.host:
        return lease, "it was released"
    report(Note(f"watching the lock of {words_of(lease)} for {duration:.0f} s: is it alive?"))
    return await _watch(cluster, lease, clock, duration, pace.look)


async def _watch(
    cluster: Cluster, lease: Object, clock: Clock, duration: float, look: float
) -> tuple[Object, str]:
    """As `find_death`, by reading the Lease for `duration` seconds from now."""
    began = clock.monotonic()
    quiet = 0.0
    while True:
        await clock.sleep(min(look, duration - quiet) if quiet < duration else look)
        try:
            found = await cluster.get(Ref.of(lease))
        except NotFound:
            raise
        except SkillError:
            if quiet > 2 * duration:
                raise
            found = None
        quiet = clock.monotonic() - began
        if found is None:
            continue
        if found["spec"] != lease["spec"]:
            raise locked(found)
        if quiet >= duration:
            return found, f"no heartbeat for {quiet:.0f} s"


def locked(lease: Object) -> LockHeld:
    """The error that names who holds the lock, since when, and how to wait for it or end it."""
    run, holder, spec = _run_of(lease), holder_of(lease), lease["spec"]
    meta = lease["metadata"]
    installation = f"{meta.get('namespace')}/{meta['name'].removeprefix('skill-runner.')}"
    since = time_in(spec, "acquireTime")
    cause = f"another run is at work on {installation}: {words_of(lease)}, since {since}"
    here = f"skill status {run} --wait 60" if run and holder.is_near else ""
    if here:
        hint = f"`{here}` waits for it; `skill cancel {run}` ends it."
    else:
        hint = f"Wait for it, or end it where it runs ({holder.words or 'unknown'})."
    actions = (
        (
            NextAction(run=here, safe=True, why="waits for that run"),
            NextAction(run=f"skill cancel {run}", safe=False, why="ends that run"),
        )
        if here
        else ()
    )
    problem = Problem(
        code="LOCKED",
        resource=f"Lease {meta.get('namespace')}/{meta['name']}",
        cause=cause,
        retryable=True,
        fix=fix_of("LOCKED"),
        next=actions,
    )
    return LockHeld(cause, hint=hint, problem=problem)


def _run_of(lease: Object) -> str:
    """The run that a Lease names; empty for what cannot be one, since it becomes a command."""
    run = str((lease["metadata"].get("annotations") or {}).get(RUN) or "")
    return run if _RUN_ID.fullmatch(run) else ""


def time_in(spec: dict[str, Any], name: str) -> str:
    """One of the times of a Lease's spec, for a message."""
    time = str(spec.get(name) or "")
    return time if _TIME.fullmatch(time) else "an unknown time"


def _seconds(spec: dict[str, Any]) -> float:
    """The last heartbeat by the holder's own clock, in seconds since the epoch."""
    try:
        return datetime.fromisoformat(time_in(spec, "renewTime")).timestamp()
    except ValueError:
        return 0.0


def micro(seconds: float) -> str:
    """A time as Leases have it: RFC 3339 with microseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
