"""The lock of one installation: who holds it, and its heart."""

from __future__ import annotations

import threading

from skill_runner.installations import lock
from skill_runner.plan import Installation
from skill_runner.runs.process import Holder
from skill_runner.testing import FakeClock, MemoryCluster

SHOP = Installation("default", "shop")

LEASE = lock.lease_ref(SHOP)

HERE = Holder.here()

ELSEWHERE = Holder("far-away", 42, 7, "another-boot", "abcd")


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
    clock.advance(lock.PACE.renew)
    assert changed.wait(10)
    clock.until_asleep()


async def left_behind(cluster: MemoryCluster, clock: FakeClock, holder: Holder) -> None:
    """A Lease whose holder does nothing any more."""
    await cluster.create(lock.new_lease(LEASE, str(holder), clock.now()))
