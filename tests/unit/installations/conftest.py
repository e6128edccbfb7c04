"""A cluster in memory, its clock, and the way to it."""

from __future__ import annotations

import pytest

from skill_runner.backends.base import Cluster
from skill_runner.installations import lock
from skill_runner.testing import FakeClock, MemoryCluster


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
