"""Doors that close: what passes a fence, and what every door has that does not."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field

import pytest

from skill_runner.backends.base import Cluster, Helm, ReleaseSpec
from skill_runner.backends.fence import READS, Closable, fence_cluster, fence_helm
from skill_runner.errors import HookFailed, LockLost
from skill_runner.objects import Ref
from skill_runner.testing import MemoryCluster, MemoryHelm

CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "default"},
}
WRITES = {
    "apply",
    "create",
    "delete",
    "exec",
    "install_or_upgrade",
    "mark_failed",
    "port_forward",
    "replace",
    "rollback",
    "under",
    "uninstall",
}


@dataclass
class Lost:
    """The fence of a run that lost its lock, as far as it goes."""

    passed: list[str] = field(default_factory=list)

    def pass_(self, call: str, *, read: bool, clean_up: bool) -> None:
        if not read:
            raise LockLost(call)
        self.passed.append(call)


def test_every_method_of_both_doors_is_a_read_or_a_write() -> None:
    """A method that is new is a write until somebody says otherwise, here and there."""
    known = {
        name
        for door in (Cluster, Helm)
        for name, value in vars(door).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    assert known - READS == WRITES
    assert not known & READS & WRITES


async def test_reads_and_dry_runs_pass_and_writes_do_not() -> None:
    fence, inner = Lost(), MemoryCluster()
    cluster = fence_cluster(inner, fence)
    assert cluster.target == inner.target
    await cluster.list("v1", "ConfigMap")
    await cluster.apply(CONFIG, dry_run=True)
    assert fence.passed == ["list", "apply"]
    for call in (
        cluster.apply(CONFIG),
        cluster.create(CONFIG),
        cluster.replace(CONFIG),
        cluster.delete(Ref.of(CONFIG)),
        cluster.exec("default", "p", "c", ["true"]),
        fence_helm(MemoryHelm(inner), fence).install_or_upgrade(
            ReleaseSpec(name="a", namespace="default", chart="a")
        ),
    ):
        with pytest.raises(LockLost):
            await call
    with pytest.raises(LockLost):
        cluster.port_forward("default", "p", 80)
    assert inner.writes == ()


async def test_what_is_asked_for_before_and_awaited_after_the_end_is_refused() -> None:
    fence, inner = Closable("hook x is over"), MemoryCluster()
    cluster = fence_cluster(inner, fence)
    await cluster.apply(CONFIG)
    late = cluster.get(Ref.of(CONFIG))
    fence.close()
    with pytest.raises(HookFailed, match="hook x is over; its call of get is refused"):
        await late
