"""The lock on a real cluster: two holders, and a heartbeat that the run's blocked loop leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from skill_runner.backends.base import Cluster
from skill_runner.backends.clock import SystemClock
from skill_runner.errors import LockHeld, LockLost, NotFound
from skill_runner.installations import lock, store
from skill_runner.installations.record import Record
from skill_runner.objects import Ref
from skill_runner.plan import Installation
from skill_runner.runs.process import Holder
from skill_runner.testing import FakeClock

HERE = Holder.here()


async def test_two_holders_and_a_dead_one(
    cluster: Cluster, namespace: str, connect: lock.Connect
) -> None:
    shop, clock = Installation(namespace, "shop"), SystemClock()
    async with lock.hold(connect, shop, str(HERE), clock) as held:
        held.check()
        with pytest.raises(LockHeld, match=f"process {HERE.pid}"):
            async with lock.hold(connect, shop, str(Holder.here()), clock):
                pass
    with pytest.raises(NotFound):
        await cluster.get(lock.lease_ref(shop))

    dead = replace(HERE, started=1)
    await cluster.create(lock.new_lease(lock.lease_ref(shop), str(dead), clock.now()))
    async with lock.hold(connect, shop, str(HERE), clock) as held:
        assert "is gone" in held.taken_from


async def test_the_heart_beats_while_the_run_is_blocked(
    cluster: Cluster, namespace: str, connect: lock.Connect
) -> None:
    shop, clock = Installation(namespace, "shop"), FakeClock(auto=False)
    async with lock.hold(connect, shop, str(HERE), clock) as held:
        before = await cluster.get(lock.lease_ref(shop))
        clock.until_asleep()
        clock.advance(lock.PACE.renew)
        await in_blocked_loop(clock.until_asleep)
        after = await cluster.get(lock.lease_ref(shop))
        assert after["spec"]["renewTime"] > before["spec"]["renewTime"]
        held.check()


async def in_blocked_loop(wait: Callable[[], None]) -> None:
    """Wait without giving the loop a turn, as a hook that blocks does."""
    wait()


async def test_a_lock_that_was_taken_is_lost(
    cluster: Cluster, namespace: str, connect: lock.Connect
) -> None:
    shop, clock = Installation(namespace, "shop"), FakeClock(auto=False)

    async def run() -> None:
        async with lock.hold(connect, shop, str(HERE), clock):
            found = await cluster.get(lock.lease_ref(shop))
            found["spec"]["holderIdentity"] = "somebody"
            await cluster.replace(found)
            clock.until_asleep()
            clock.advance(lock.PACE.renew)
            await asyncio.Event().wait()

    with pytest.raises(LockLost, match="somebody took it over"):
        await run()
    left = await cluster.get(lock.lease_ref(shop))
    assert left["spec"]["holderIdentity"] == "somebody"


async def test_records(cluster: Cluster, namespace: str) -> None:
    shop = Record(
        installation=Installation(namespace, "shop"), skill="s", version="1.0.0", inputs={}
    )
    await store.write(cluster, shop)
    before = await cluster.get(Ref("v1", "ConfigMap", "skill-runner.shop", namespace))
    await store.write(cluster, shop)
    assert await cluster.get(Ref("v1", "ConfigMap", "skill-runner.shop", namespace)) == before
    assert await store.find(cluster, "shop", namespace) == shop
    assert await store.find_all(cluster, namespace) == (shop,)
    await store.remove(cluster, shop)
    assert await store.read(cluster, shop.installation) is None
