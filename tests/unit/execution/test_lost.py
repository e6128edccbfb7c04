"""A run that loses its lock is stopped, wherever it is, and writes nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from skill_runner.backends.base import ReleaseSpec
from skill_runner.errors import ClusterUnreachable
from skill_runner.installations import lock, store
from skill_runner.objects import Object
from skill_runner.plan import Installation
from skill_runner.testing import MemoryCluster
from tests.support.session import HOOKS, SKILL, Stage, render

DEMO = Installation("demo", "demo-setup")
HANG = """
    try:
        await ctx.clock.sleep(1000)
    except BaseException:
        ctx.note("stopped")
        await ctx.apply({"apiVersion": "v1", "kind": "ConfigMap",
                         "metadata": {"name": "late", "namespace": "demo"}})
"""
SIZE = {"cpu": "10m", "memory": "16Mi"}
SLOW = {"name": "c", "image": "example.org/app:1", "resources": {"requests": SIZE, "limits": SIZE}}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "slow", "annotations": {"helm.sh/hook": "pre-install"}},
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [SLOW]}}},
}


def hang(stage: Stage, where: str) -> None:
    """Let a run of the skill stand still in the hook, in the proof, or in Helm."""
    folder = stage.folder / "skills" / "demo-setup"
    name = {"hook": "after", "proof": "prove"}.get(where, "nothing")
    (folder / "hooks.py").write_text(HOOKS.replace(f"def {name}(ctx):", f"def {name}(ctx):{HANG}"))
    if where == "helm":

        def with_job(spec: ReleaseSpec) -> Iterable[Object]:
            yield from render(spec)
            yield JOB

        stage.helm.add_chart(str(folder / "chart"), with_job)


@pytest.mark.parametrize("where", ["hook", "proof", "helm"])
@pytest.mark.parametrize("how", ["no heartbeat got through for 30 s", "rival took it over"])
async def test_the_run_is_stopped_and_writes_nothing_more(
    stage: Stage, where: str, how: str
) -> None:
    assert "on_failure" not in SKILL
    hang(stage, where)
    clock = stage.cluster.clock
    if how.startswith("rival"):
        losing = asyncio.ensure_future(taken_at(stage.cluster, 7))
        last = 7.5
    else:
        error = ClusterUnreachable("no route")
        stage.cluster.fail("replace", error, kind="Lease", times=10_000)
        losing = asyncio.ensure_future(asyncio.sleep(0))
        last = lock.PACE.deadline
    writes: list[tuple[float, str]] = []
    changes = stage.cluster.store.history
    stage.cluster.store.listeners.append(
        lambda: writes.append((clock.monotonic(), changes[-1].ref.kind))
    )
    outcome = await stage.run()
    await losing
    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert outcome.problem is not None
    assert outcome.problem.code == "LOCKED"
    assert outcome.problem.cause == f"the lock of {DEMO} is lost: {how}"
    assert clock.monotonic() < lock.PACE.duration  # before anybody else may begin
    left = stage.cluster.store.select(lambda *_: True)
    assert "late" not in [obj["metadata"]["name"] for obj in left]
    kept = await store.read(stage.cluster, DEMO)
    assert kept is not None
    assert not kept.complete
    # Helm that is ended marks its release as failed; the lock is given back if nobody has it.
    late = {"Secret"} if where == "helm" else set()
    late |= set() if how.startswith("rival") else {"Lease"}
    assert {kind for at, kind in writes if at >= last} == late


async def taken_at(cluster: MemoryCluster, seconds: float) -> None:
    """Another run has the lock then, as after a network that was cut for long."""
    await cluster.clock.sleep(seconds)
    cluster.edit(lock.lease_ref(DEMO), lambda o: o["spec"].update(holderIdentity="rival"))
