"""One run at a time for each installation: a Lease that a thread of its own keeps alive.

The rules are those of client-go's leader election, with two more: a holder on this machine whose
process is gone is dead at once, and a run that loses its Lease finds out before its next write.
The heartbeat has its own event loop and its own connection, so that a hook that blocks the run's
loop cannot starve it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from skill_runner.backends.base import Clock, Cluster, Object, Ref
from skill_runner.backends.clock import within
from skill_runner.errors import Conflict, LockHeld, LockLost, NotFound, SkillError
from skill_runner.holder import Holder
from skill_runner.log import get_logger
from skill_runner.plan import Installation
from skill_runner.progress import Note, Report, silent
from skill_runner.uncancelled import uncancelled

DURATION: Final = 30.0  # seconds that a Lease lives without a heartbeat
RENEW: Final = 8.0  # seconds between heartbeats
RETRY: Final = 1.0  # seconds to the next try after one that failed
LAST_BEAT: Final = 5.0  # seconds that a heartbeat under way may take to end

_TRIES: Final = 3

Connect = Callable[[], Awaitable[Cluster]]

log = get_logger(__name__)


def lease_ref(installation: Installation) -> Ref:
    """Which Lease locks an installation."""
    name = f"skill-runner.{installation.name}"
    return Ref("coordination.k8s.io/v1", "Lease", name, installation.namespace)


class Guard(Protocol):
    """Whatever says whether the lock is still ours."""

    def check(self) -> None:
        """LockLost when another run may hold it by now; call it before every write."""


class Held:
    """A lock that this run holds. `taken_from` says which dead holder had it, and how one knew."""

    def __init__(
        self, installation: Installation, clock: Clock, lease: Object, taken_from: str = ""
    ) -> None:
        self.installation = installation
        self.taken_from = taken_from
        self._clock = clock
        self._guard = threading.Condition()
        self._lease = lease
        self._renewed = clock.now()
        self._lost = ""

    def check(self) -> None:
        """LockLost when another run may hold the lock by now; call it before every write."""
        with self._guard:
            quiet = self._clock.now() - self._renewed
            lost = self._lost or (f"no heartbeat for {quiet:.0f} s" if quiet > DURATION else "")
        if lost:
            raise LockLost(
                f"the lock of {self.installation} is lost: {lost}",
                hint="Nothing more was written. Run again: it goes on from what is there.",
            )

    @property
    def lease(self) -> Object:
        """The Lease as this run wrote it last."""
        with self._guard:
            return self._lease

    def beat(self, lease: Object) -> None:
        """A heartbeat got through."""
        with self._guard:
            self._lease, self._renewed = lease, self._clock.now()

    def lose(self, reason: str) -> None:
        """Somebody else has the Lease."""
        with self._guard:
            self._lost = self._lost or reason
            self._guard.notify_all()

    def until_lost(self, timeout: float) -> bool:
        """Block this thread until somebody else is known to have the Lease; real seconds."""
        with self._guard:
            return self._guard.wait_for(lambda: bool(self._lost), timeout)

    @property
    def lost(self) -> bool:
        """Whether somebody else is known to have the Lease."""
        with self._guard:
            return bool(self._lost)


@asynccontextmanager
async def hold(
    connect: Connect,
    installation: Installation,
    holder: str,
    clock: Clock,
    report: Report = silent,
) -> AsyncGenerator[Held, None]:
    """Hold the installation's lock; the namespace must be there.

    `holder` is `str(Holder.here())`, or any name that tells this run from others. LockHeld when a
    live run has it. `connect` makes a new connection: one is for taking and
    giving back, and one more, opened at the first heartbeat only, for the heartbeat's thread.
    """
    cluster = await connect()
    try:
        held = await _acquire(cluster, installation, holder, clock, report)
        heart = _Heart(connect, held, holder, clock)
        heart.start()
        try:
            yield held
        finally:
            await uncancelled(_let_go(cluster, heart, held))
    finally:
        await cluster.close()


async def _let_go(cluster: Cluster, heart: _Heart, held: Held) -> None:
    await asyncio.to_thread(heart.stop)
    if held.lost:
        return
    meta = held.lease["metadata"]
    try:
        await cluster.delete(
            lease_ref(held.installation), uid=meta["uid"],
            resource_version=meta["resourceVersion"],
        )  # fmt: skip
    except SkillError as error:
        # It runs out by itself; what the run did matters more than this.
        log.warning("the lock was not given back", reason=error.message)


async def _acquire(
    cluster: Cluster, installation: Installation, holder: str, clock: Clock, report: Report
) -> Held:
    ref = lease_ref(installation)
    for _ in range(_TRIES):  # each failed try means that somebody took it, or gave it back
        try:
            lease = await cluster.create(new_lease(ref, holder, clock.now()))
            return Held(installation, clock, lease)
        except Conflict:
            pass
        with suppress(Conflict, NotFound):
            return await _take_over(cluster, installation, holder, clock, report)
    raise LockHeld(f"several runs want {installation} at once", hint="Run again.")


async def _take_over(
    cluster: Cluster, installation: Installation, holder: str, clock: Clock, report: Report
) -> Held:
    """LockHeld when the holder lives; Conflict or NotFound when the Lease changed meanwhile."""
    ref = lease_ref(installation)
    found = await cluster.get(ref)
    other = Holder.parse(found["spec"].get("holderIdentity") or "")
    reason = await _death(cluster, ref, found, other, clock, report)
    if reason is None:
        raise LockHeld(
            f"another run is at work on {installation}: {other.words}, "
            f"since {found['spec'].get('acquireTime', 'an unknown time')}",
            hint=f"Wait for it, or end it: its lock runs out {DURATION:.0f} s after that.",
        )
    spec = new_lease(ref, holder, clock.now())["spec"]
    spec["leaseTransitions"] = int(found["spec"].get("leaseTransitions") or 0) + 1
    lease = await cluster.replace({**found, "spec": spec})
    seen = found["spec"].get("renewTime", "an unknown time")
    return Held(installation, clock, lease, f"{other.words}, last seen {seen}: {reason}")


async def _death(
    cluster: Cluster, ref: Ref, lease: Object, other: Holder, clock: Clock, report: Report
) -> str | None:
    """Why the holder is dead, or None while it lives."""
    gone = other.is_gone()
    if gone:
        return f"its process {other.pid} is gone"
    quiet = clock.now() - _seconds(lease["spec"].get("renewTime"))
    duration = float(lease["spec"].get("leaseDurationSeconds") or DURATION)
    if quiet <= duration:
        return None
    if gone is None:
        report(Note(f"watching the lock of {other.words}, silent for {quiet:.0f} s"))
    if gone is None and await _renews(cluster, ref, lease, clock):
        return None  # the clocks of two machines differ: what counts is that it still beats
    return f"no heartbeat for {quiet:.0f} s"


async def _renews(cluster: Cluster, ref: Ref, lease: Object, clock: Clock) -> bool:
    """Whether a heartbeat comes within the time of one, by our own observation."""

    async def next_change() -> None:
        stream = cluster.watch(
            ref.api_version, ref.kind, namespace=ref.namespace, fields=f"metadata.name={ref.name}",
            resource_version=lease["metadata"]["resourceVersion"],
        )  # fmt: skip
        async with aclosing(stream):
            async for event in stream:
                if event.type == "MODIFIED":
                    return
        raise TimeoutError

    try:
        await within(clock, RENEW + RETRY, next_change())
    except TimeoutError:
        return False
    return True


class _Heart:
    """The thread that renews the Lease."""

    def __init__(self, connect: Connect, held: Held, holder: str, clock: Clock) -> None:
        self._connect = connect
        self._held = held
        self._holder = holder
        self._clock = clock
        self._thread = threading.Thread(target=self._run, name="skill-lock", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """End the thread; a heartbeat that is under way is waited for."""
        assert self._loop is not None
        assert self._task is not None
        with suppress(RuntimeError):  # it has ended by itself: the lock was lost
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._beat())

    async def _beat(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._ready.set()
        cluster: Cluster | None = None
        pause = RENEW
        try:
            while not self._held.lost:
                await self._clock.sleep(pause)
                try:
                    cluster = cluster or await self._connect()
                    await _whole(self._renew(cluster))
                    pause = RENEW
                except SkillError as error:
                    log.warning("no heartbeat", reason=error.message)
                    pause = RETRY
        finally:
            if cluster is not None:
                await cluster.close()

    async def _renew(self, cluster: Cluster) -> None:
        lease = self._held.lease
        spec = {**lease["spec"], "renewTime": _micro(self._clock.now())}
        try:
            self._held.beat(await cluster.replace({**lease, "spec": spec}))
        except NotFound:
            self._held.lose("its Lease was deleted")
        except Conflict:
            await self._look(cluster)

    async def _look(self, cluster: Cluster) -> None:
        """The Lease changed: it is lost, or somebody only touched it."""
        try:
            found = await cluster.get(lease_ref(self._held.installation))
        except NotFound:
            self._held.lose("its Lease was deleted")
            return
        identity = found["spec"].get("holderIdentity") or ""
        if identity != self._holder:
            self._held.lose(f"{Holder.parse(identity).words} took it over")
            return
        spec = {**found["spec"], "renewTime": _micro(self._clock.now())}
        self._held.beat(await cluster.replace({**found, "spec": spec}))


async def _whole(renewal: Coroutine[Any, Any, None]) -> None:
    """Await a renewal to its end even when cancelled, for then we know what to give back."""
    task = asyncio.ensure_future(renewal)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=LAST_BEAT)
        task.cancel()
        raise


def new_lease(ref: Ref, holder: str, now: float) -> Object:
    """The Lease of a run that takes it at `now`, in seconds since the epoch."""
    spec: dict[str, Any] = {
        "holderIdentity": holder,
        "leaseDurationSeconds": int(DURATION),
        "acquireTime": _micro(now),
        "renewTime": _micro(now),
        "leaseTransitions": 0,
    }
    labels = {"app.kubernetes.io/managed-by": "skill-runner"}
    meta = {"name": ref.name, "namespace": ref.namespace, "labels": labels}
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta, "spec": spec}


def _micro(seconds: float) -> str:
    """A time as Leases have it: RFC 3339 with microseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _seconds(text: str | None) -> float:
    try:
        return datetime.fromisoformat((text or "").replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
