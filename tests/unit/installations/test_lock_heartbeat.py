"""The heartbeat of a lock: while the run is blocked, when it fails, and when the lock is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from skill_runner.backends.base import Cluster
from skill_runner.backends.clock import SystemClock
from skill_runner.errors import ApiError, ClusterUnreachable, LockLost, NotFound
from skill_runner.installations import lock
from skill_runner.objects import Object
from skill_runner.testing import FakeClock, MemoryCluster
from tests.support.locks import ELSEWHERE, HERE, LEASE, SHOP, beat, changes, renew_time


async def test_the_heart_beats_while_the_run_is_blocked(
    connect: lock.Connect, cluster: MemoryCluster, clock: FakeClock
) -> None:
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        times = [renew_time(cluster)]
        for _ in range(4):  # 32 s, longer than a Lease lives
            beat(cluster, clock)
            times.append(renew_time(cluster))
        assert len(set(times)) == 5
        held.check()
    with pytest.raises(NotFound):
        cluster.store.get(LEASE)


async def test_a_heartbeat_that_fails_is_tried_again(
    connect: lock.Connect, cluster: MemoryCluster, clock: FakeClock
) -> None:
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        cluster.fail("replace", ClusterUnreachable("down"), kind="Lease")
        before = renew_time(cluster)
        clock.until_asleep()
        clock.advance(lock.PACE.renew)
        clock.until_asleep()
        assert renew_time(cluster) == before
        changed = changes(cluster)
        clock.advance(lock.PACE.retry)
        assert changed.wait(10)
        held.check()


@pytest.mark.parametrize("error", [ClusterUnreachable("down"), ApiError("oops", status=500)])
async def test_without_heartbeats_the_run_is_stopped_before_another_may_begin(
    connect: lock.Connect, cluster: MemoryCluster, error: Exception
) -> None:
    clock = FakeClock()
    cluster.fail("replace", error, kind="Lease", times=1000)
    stopped: list[float] = []

    async def run() -> None:
        async with lock.hold(connect, SHOP, str(HERE), clock):
            try:
                await clock.sleep(1000)
            finally:
                stopped.append(clock.monotonic())

    with pytest.raises(LockLost, match="no heartbeat got through for 30 s"):
        await run()
    assert lock.PACE.deadline <= stopped[0] < lock.PACE.duration - 10
    cluster.heal()
    with pytest.raises(NotFound):  # nobody had it: it is given back at once
        cluster.store.get(LEASE)


async def test_a_heartbeat_counts_from_when_it_was_sent(
    connect: lock.Connect, cluster: MemoryCluster
) -> None:
    clock = FakeClock(auto=False)
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        held.beat(held.lease, clock.uptime() - 29)
        held.check()
        assert held.left == 1
        clock.advance(1)
        with pytest.raises(LockLost):
            held.check()
        held.check_clean_up()  # nobody else can have it yet
        clock.advance(lock.PACE.duration - 30)
        with pytest.raises(LockLost):
            held.check_clean_up()


async def test_a_heartbeat_without_an_answer_is_not_awaited_for_ever(
    connect: lock.Connect, cluster: MemoryCluster
) -> None:
    """A network that swallows requests; in real seconds, and few of them."""
    clock = SystemClock()

    class Silent(MemoryCluster):
        async def replace(self, obj: Object) -> Object:
            await asyncio.Event().wait()
            raise AssertionError

    async def silent() -> Cluster:
        return Silent(clock)

    opened = iter([connect, silent])
    pace = lock.Pace(duration=2, deadline=0.2, renew=0.05)
    with pytest.raises(LockLost, match="no heartbeat got through"):
        async with lock.hold(lambda: next(opened)(), SHOP, str(HERE), clock, pace=pace):
            await asyncio.Event().wait()


def taken(cluster: MemoryCluster) -> None:
    cluster.edit(LEASE, lambda obj: obj["spec"].update(holderIdentity=str(ELSEWHERE)))


def deleted(cluster: MemoryCluster) -> None:
    cluster.store.delete(LEASE)


@pytest.mark.parametrize(
    ("deed", "words"),
    [(taken, "process 42 on far-away took it over"), (deleted, "its Lease was deleted")],
)
async def test_a_lock_that_was_taken_is_lost_and_left_alone(
    connect: lock.Connect,
    cluster: MemoryCluster,
    clock: FakeClock,
    deed: Callable[[MemoryCluster], None],
    words: str,
) -> None:
    async def run() -> None:
        async with lock.hold(connect, SHOP, str(HERE), clock):
            clock.until_asleep()
            deed(cluster)
            clock.advance(lock.PACE.renew)
            await asyncio.Event().wait()

    with pytest.raises(LockLost, match=words):
        await run()
    left = cluster.store.select(lambda ref, _: ref == LEASE)
    assert [obj["spec"]["holderIdentity"] for obj in left] == (
        [str(ELSEWHERE)] if deed is taken else []
    )


async def test_a_touched_lease_is_still_ours(
    connect: lock.Connect, cluster: MemoryCluster, clock: FakeClock
) -> None:
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        clock.until_asleep()
        cluster.edit(LEASE, lambda obj: obj["metadata"].update(labels={"a": "b"}))
        beat(cluster, clock)
        held.check()
    with pytest.raises(NotFound):
        cluster.store.get(LEASE)


async def test_time_that_moves_by_itself_carries_the_heartbeat_along(
    cluster: MemoryCluster, connect: lock.Connect
) -> None:
    clock = FakeClock()
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        for _ in range(10):
            await clock.sleep(30)
            held.check()
