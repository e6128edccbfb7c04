"""Two runs, a dead one, a blocked one, and one that lost: the lock of an installation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from skill_runner import lock
from skill_runner.backends.base import Cluster
from skill_runner.backends.memory import FakeClock, MemoryCluster
from skill_runner.errors import ApiError, ClusterUnreachable, LockHeld, LockLost, NotFound
from skill_runner.holder import Holder
from skill_runner.plan import Installation

SHOP = Installation("default", "shop")
LEASE = lock.lease_ref(SHOP)
HERE = Holder.here()
ELSEWHERE = Holder("far-away", 42, 7, "another-boot", "abcd")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(auto=False)


@pytest.fixture
def cluster(clock: FakeClock) -> MemoryCluster:
    return MemoryCluster(clock)


@pytest.fixture
def connect(cluster: MemoryCluster) -> lock.Connect:
    async def connect() -> Cluster:
        return cluster

    return connect


def changes(cluster: MemoryCluster) -> threading.Event:
    """Set at the next write to the cluster."""
    event = threading.Event()
    cluster.store.listeners.append(event.set)
    return event


def renew_time(cluster: MemoryCluster) -> str:
    time: str = cluster.store.get(LEASE)["spec"]["renewTime"]
    return time


def beat(cluster: MemoryCluster, clock: FakeClock) -> None:
    """Let one heartbeat happen, with this thread (and so the run's loop) blocked."""
    clock.until_asleep()
    changed = changes(cluster)
    clock.advance(lock.RENEW)
    assert changed.wait(10)
    clock.until_asleep()


async def left_behind(cluster: MemoryCluster, clock: FakeClock, holder: Holder) -> None:
    """A Lease whose holder does nothing any more."""
    await cluster.create(lock.new_lease(LEASE, str(holder), clock.now()))


async def test_held_and_given_back(
    connect: lock.Connect, cluster: MemoryCluster, clock: FakeClock
) -> None:
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        held.check()
        assert not held.taken_from
        assert cluster.store.get(LEASE)["spec"]["holderIdentity"] == str(HERE)
    with pytest.raises(NotFound):
        cluster.store.get(LEASE)


async def test_given_back_when_the_run_fails(
    connect: lock.Connect, cluster: MemoryCluster, clock: FakeClock
) -> None:
    with pytest.raises(RuntimeError, match="boom"):
        async with lock.hold(connect, SHOP, str(HERE), clock):
            raise RuntimeError("boom")
    with pytest.raises(NotFound):
        cluster.store.get(LEASE)


async def test_a_second_run_is_told_who_has_it(connect: lock.Connect, clock: FakeClock) -> None:
    async with lock.hold(connect, SHOP, str(HERE), clock):
        with pytest.raises(LockHeld, match=f"process {HERE.pid} on {HERE.host}, since 2023-11-14"):
            async with lock.hold(connect, SHOP, str(Holder.here()), clock):
                pass


async def test_another_installation_is_another_lock(
    connect: lock.Connect, clock: FakeClock
) -> None:
    other = Installation("default", "cart")
    async with (
        lock.hold(connect, SHOP, str(HERE), clock),
        lock.hold(connect, other, str(HERE), clock),
    ):
        pass


async def test_a_holder_here_whose_process_is_gone_is_dead_at_once(
    connect: lock.Connect, cluster: MemoryCluster, clock: FakeClock
) -> None:
    dead = replace(HERE, started=HERE.started - 1)  # the pid was used again since
    await left_behind(cluster, clock, dead)
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        assert held.taken_from.startswith(f"process {dead.pid} on {dead.host}, last seen 2023-")
        assert held.taken_from.endswith(f": its process {dead.pid} is gone")
        assert cluster.store.get(LEASE)["spec"]["leaseTransitions"] == 1


async def test_a_holder_elsewhere_is_respected_while_its_lease_lasts(
    connect: lock.Connect, cluster: MemoryCluster, clock: FakeClock
) -> None:
    await left_behind(cluster, clock, ELSEWHERE)
    clock.advance(lock.DURATION)
    with pytest.raises(LockHeld, match="process 42 on far-away"):
        async with lock.hold(connect, SHOP, str(HERE), clock):
            pass


async def test_a_holder_elsewhere_without_heartbeat_is_dead(
    connect: lock.Connect, cluster: MemoryCluster
) -> None:
    clock = FakeClock()
    await left_behind(cluster, clock, ELSEWHERE)
    await clock.sleep(lock.DURATION + 1)
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        assert held.taken_from.startswith("process 42 on far-away")
        assert "no heartbeat for 31 s" in held.taken_from


async def test_a_holder_elsewhere_with_a_slow_clock_is_alive(
    connect: lock.Connect, cluster: MemoryCluster
) -> None:
    clock = FakeClock()
    await left_behind(cluster, clock, ELSEWHERE)
    await clock.sleep(100)

    async def heartbeat() -> None:
        await clock.sleep(3)
        cluster.edit(LEASE, lambda obj: obj["spec"].update(renewTime="2000-01-01T00:00:00Z"))

    task = asyncio.ensure_future(heartbeat())
    with pytest.raises(LockHeld, match="far-away"):
        async with lock.hold(connect, SHOP, str(HERE), clock):
            pass
    await task


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
        clock.advance(lock.RENEW)
        clock.until_asleep()
        assert renew_time(cluster) == before
        changed = changes(cluster)
        clock.advance(lock.RETRY)
        assert changed.wait(10)
        held.check()


@pytest.mark.parametrize("error", [ClusterUnreachable("down"), ApiError("oops", status=500)])
async def test_without_heartbeats_the_lock_is_lost(
    connect: lock.Connect, cluster: MemoryCluster, clock: FakeClock, error: Exception
) -> None:
    cluster.fail("replace", error, kind="Lease", times=1000)
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        clock.advance(lock.DURATION)
        held.check()
        clock.advance(1)
        with pytest.raises(LockLost, match="no heartbeat for 31 s"):
            held.check()


def taken(cluster: MemoryCluster) -> None:
    cluster.edit(LEASE, lambda obj: obj["spec"].update(holderIdentity=str(ELSEWHERE)))


def deleted(cluster: MemoryCluster) -> None:
    cluster.store.delete(LEASE)


@pytest.mark.parametrize(
    ("deed", "words"),
    [(taken, "process 42 on far-away took it over"), (deleted, "its Lease was deleted")],
)
async def test_a_lock_that_was_taken_is_lost_and_left_alone(
    connect: lock.Connect, cluster: MemoryCluster, clock: FakeClock,
    deed: Callable[[MemoryCluster], None], words: str,
) -> None:  # fmt: skip
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        clock.until_asleep()
        deed(cluster)
        clock.advance(lock.RENEW)
        await asyncio.to_thread(held.until_lost, 10)
        with pytest.raises(LockLost, match=words):
            held.check()
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


async def test_without_its_namespace_there_is_no_lock(
    connect: lock.Connect, clock: FakeClock
) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        async with lock.hold(connect, Installation("nowhere", "shop"), str(HERE), clock):
            pass


async def test_time_that_moves_by_itself_carries_the_heartbeat_along(
    cluster: MemoryCluster, connect: lock.Connect
) -> None:
    clock = FakeClock()
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        for _ in range(10):
            await clock.sleep(30)
            held.check()
