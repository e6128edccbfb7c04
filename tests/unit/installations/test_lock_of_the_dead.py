"""The lock of a holder that may be dead: watched, and taken over by one at a time."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest

from skill_runner.errors import ClusterUnreachable, LockHeld
from skill_runner.installations import lock
from skill_runner.installations.lease import micro
from skill_runner.progress import Event, Note
from skill_runner.runs.process import Holder
from skill_runner.testing import FakeClock, MemoryCluster
from tests.support.locks import ELSEWHERE, HERE, LEASE, SHOP, left_behind


async def test_a_holder_here_whose_process_is_gone_is_dead_at_once(
    connect: lock.Connect, cluster: MemoryCluster, clock: FakeClock
) -> None:
    dead = replace(HERE, started=HERE.started - 1)  # the pid was used again since
    await left_behind(cluster, clock, dead)
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        assert held.taken_from.startswith(f"process {dead.pid} on {dead.host}, last seen 2023-")
        assert held.taken_from.endswith(f": its process {dead.pid} is gone")
        assert cluster.store.get(LEASE)["spec"]["leaseTransitions"] == 1


async def test_a_holder_here_that_runs_and_does_not_beat_is_dead_after_a_whole_lease(
    connect: lock.Connect, cluster: MemoryCluster
) -> None:
    """Stopped by Ctrl-Z, or alive although its lock was never given back."""
    clock = FakeClock()
    await left_behind(cluster, clock, HERE)
    clock.advance(1000)
    async with lock.hold(connect, SHOP, str(Holder.here()), clock) as held:
        assert held.taken_from.endswith("no heartbeat for 45 s")
        assert clock.monotonic() == 1045


async def test_a_holder_elsewhere_is_watched_for_its_whole_lease(
    connect: lock.Connect, cluster: MemoryCluster
) -> None:
    clock = FakeClock()
    await left_behind(cluster, clock, ELSEWHERE)
    clock.advance(1000)
    seen: list[Event] = []
    async with lock.hold(connect, SHOP, str(HERE), clock, seen.append) as held:
        assert held.taken_from.startswith("process 42 on far-away, last seen 2023-11-14T22:13:20")
        assert held.taken_from.endswith("no heartbeat for 45 s")
        assert clock.monotonic() == 1045
    assert seen == [
        Note("watching the lock of process 42 on far-away for 45 s: is it alive?"),
        Note(f"took over the lock of {held.taken_from}"),
    ]
    assert {r.verb for r in cluster.requests} == {"create", "get", "replace", "delete"}


@pytest.mark.parametrize("skew", [-3600.0, 0.0, 3600.0])
async def test_clocks_that_differ_decide_nothing(
    connect: lock.Connect, cluster: MemoryCluster, skew: float
) -> None:
    clock = FakeClock()
    await cluster.create(lock.new_lease(LEASE, str(ELSEWHERE), clock.now() + skew))
    alive = asyncio.ensure_future(beating(cluster, clock, skew))
    with pytest.raises(LockHeld, match="far-away"):
        async with lock.hold(connect, SHOP, str(HERE), clock):
            pass
    assert clock.monotonic() < lock.PACE.renew + 2 * lock.PACE.look
    alive.cancel()
    died = clock.monotonic()
    async with lock.hold(connect, SHOP, str(HERE), clock):
        assert clock.monotonic() == died + lock.PACE.duration


async def beating(cluster: MemoryCluster, clock: FakeClock, skew: float) -> None:
    """A holder elsewhere, whose clock differs."""
    while True:
        await clock.sleep(lock.PACE.renew)
        renewed = micro(clock.now() + skew)
        cluster.edit(LEASE, lambda obj, time=renewed: obj["spec"].update(renewTime=time))  # type: ignore[misc]


async def test_who_only_touches_a_dead_holders_lease_does_not_keep_it_alive(
    connect: lock.Connect, cluster: MemoryCluster
) -> None:
    clock = FakeClock()
    await left_behind(cluster, clock, ELSEWHERE)

    async def touch() -> None:
        for number in itertools.count():
            await clock.sleep(3)
            cluster.edit(LEASE, lambda o, n=number: o["metadata"].update(labels={"n": str(n)}))  # type: ignore[misc]

    touching = asyncio.ensure_future(touch())
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        assert "no heartbeat for 45 s" in held.taken_from
    touching.cancel()


async def test_an_answer_that_fails_is_neither_life_nor_death(
    connect: lock.Connect, cluster: MemoryCluster
) -> None:
    clock = FakeClock()
    await left_behind(cluster, clock, ELSEWHERE)
    await cluster.get(LEASE)

    async def trouble() -> None:
        await clock.sleep(5)
        cluster.fail("get", ClusterUnreachable("down"), kind="Lease", times=25)

    failing = asyncio.ensure_future(trouble())
    async with lock.hold(connect, SHOP, str(HERE), clock):
        # 2 answers, 25 failures of 2 s each, and one answer that says it has not changed
        assert clock.monotonic() > lock.PACE.duration + lock.PACE.look
    await failing
    await left_behind(cluster, clock, ELSEWHERE)
    cluster.fail("get", ClusterUnreachable("down"), kind="Lease", times=1)
    with pytest.raises(ClusterUnreachable):
        async with lock.hold(connect, SHOP, str(HERE), clock):
            pass


async def test_a_lock_that_is_given_back_meanwhile_is_taken(
    connect: lock.Connect, cluster: MemoryCluster
) -> None:
    clock = FakeClock()
    await left_behind(cluster, clock, ELSEWHERE)

    async def give_back() -> None:
        await clock.sleep(3)
        cluster.store.delete(LEASE)

    giving = asyncio.ensure_future(give_back())
    async with lock.hold(connect, SHOP, str(HERE), clock) as held:
        assert (held.taken_from, clock.monotonic()) == ("", 4)
    await giving


async def test_of_a_hundred_who_want_a_dead_holders_lock_one_works_at_a_time(
    connect: lock.Connect, cluster: MemoryCluster
) -> None:
    clock = FakeClock()
    await left_behind(cluster, clock, ELSEWHERE)
    at_work: list[int] = []
    together: list[int] = []

    async def contend(number: int) -> str:
        me = str(replace(ELSEWHERE, pid=100 + number))
        try:
            async with lock.hold(connect, SHOP, me, clock):
                at_work.append(number)
                await clock.sleep(12)
                together.append(len(at_work))
                at_work.remove(number)
        except LockHeld:
            return "refused"
        return "worked"

    results = await asyncio.gather(*map(contend, range(100)))
    assert together == [1] * results.count("worked")
    assert results.count("worked") + results.count("refused") == 100
    holders = [
        change.after["spec"]["holderIdentity"]
        for change in cluster.store.history
        if change.ref == LEASE and change.type != "DELETED"
    ]
    assert len([key for key, _ in itertools.groupby(holders)]) == 1 + results.count("worked")
