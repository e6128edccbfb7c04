"""The stability window and what goes on meanwhile."""

from __future__ import annotations

import pytest

from skill_runner.execution.state import Options
from skill_runner.objects import Object, Ref
from skill_runner.testing import MemoryCluster
from tests.support.session import DEPLOYMENT, Stage, become_ready

LABELS = {"app": "app"}
SLOW_PROOF = """
async def after(ctx):
    return ""

async def prove(ctx):
    await ctx.clock.sleep(4)
    return "worked for 4 s"
"""
PROOF_THAT_NEEDS_THE_POD = """
from skill_runner.hooks import GiveUp

async def after(ctx):
    return ""

async def prove(ctx):
    await ctx.clock.sleep(2)
    found = await ctx.list("v1", "Pod", namespace="demo")
    if not found[0]["status"]["containerStatuses"][0]["ready"]:
        raise GiveUp("nothing answers")
    return "it answers"
"""


def put_pods(cluster: MemoryCluster, *, restarts: int = 0, good: bool = True) -> None:
    """The Deployment's ReplicaSet with one pod."""
    owner = cluster.store.get(DEPLOYMENT)
    note = {"deployment.kubernetes.io/revision": "1"}
    cluster.put({**owner, "metadata": {**owner["metadata"], "annotations": note}})
    meta: Object = {"name": "app-1", "namespace": "demo", "labels": LABELS, "annotations": note}
    meta["ownerReferences"] = [owned_by(owner)]
    maker = cluster.put({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta})
    container = {
        "name": "app",
        "ready": good,
        "restartCount": restarts,
        "state": {"running": {}} if good else {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {} if good else {"terminated": {"exitCode": 3, "reason": "Error"}},
    }
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "app-1-a",
                "namespace": "demo",
                "labels": LABELS,
                "ownerReferences": [owned_by(maker)],
            },
            "spec": {"containers": [{"name": "app", "image": "example.org/app:1"}]},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": str(good)}],
                "containerStatuses": [container],
            },
        }
    )


def owned_by(owner: Object) -> Object:
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "controller": True,
        "name": meta["name"],
        "uid": meta["uid"],
    }


def crash_once_ready(stage: Stage, *, recovers: bool) -> None:
    """The pod is ready at once, crashes a second later, and may recover after three."""
    clock, cluster = stage.world.clock, stage.cluster

    async def live(cluster: MemoryCluster, obj: Object) -> None:
        await become_ready(cluster, obj)
        put_pods(cluster)
        await clock.sleep(1)
        cluster.set_status(Ref.of(obj), availableReplicas=0)
        put_pods(cluster, restarts=1, good=False)
        if recovers:
            await clock.sleep(3)
            await become_ready(cluster, obj)
            put_pods(cluster, restarts=1)

    cluster.on_apply("Deployment", live)


def hooks(stage: Stage, text: str) -> None:
    (stage.folder / "skills" / "demo-setup" / "hooks.py").write_text(text)


async def test_proofs_run_while_the_window_is_open(stage: Stage) -> None:
    hooks(stage, SLOW_PROOF)
    outcome = await stage.run(options=Options(stability=5))
    assert outcome.status == "ready"
    assert outcome.seconds == pytest.approx(5, abs=0.5)


async def test_ready_needs_the_window_too(stage: Stage) -> None:
    hooks(stage, SLOW_PROOF)
    crash_once_ready(stage, recovers=False)
    outcome = await stage.run(options=Options(stability=5))
    assert outcome.problem is not None
    assert outcome.problem.code == "CRASH_LOOP"
    assert outcome.outputs == {}


async def test_a_proof_that_failed_before_all_was_steady_is_run_again(stage: Stage) -> None:
    hooks(stage, PROOF_THAT_NEEDS_THE_POD)
    crash_once_ready(stage, recovers=True)
    outcome = await stage.run(options=Options(stability=5))
    assert outcome.status == "ready"
    assert outcome.proof == {"answers": "passed: it answers"}


async def test_a_crash_explains_the_proof_that_failed(stage: Stage) -> None:
    hooks(stage, PROOF_THAT_NEEDS_THE_POD)
    crash_once_ready(stage, recovers=False)
    outcome = await stage.run(options=Options(stability=5))
    assert outcome.problem is not None
    assert outcome.problem.code == "CRASH_LOOP"
