"""A release as it was applied, as somebody changed it, and as a dead run left it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from skill_runner.backends.base import Release
from skill_runner.errors import ReleaseLocked
from skill_runner.installations import releases, store
from skill_runner.plan import Installation, PlannedRelease, make_plan
from skill_runner.testing import MemoryCluster
from tests.support.session import DEPLOYMENT, Stage

DEMO = Installation("demo", "demo-setup")


async def planned(stage: Stage) -> PlannedRelease:
    """The release's step, under the key by which the run before made its digest."""
    record = await store.read(stage.cluster, DEMO)
    assert record is not None
    plan = make_plan(stage.library.find("demo-setup"), DEMO, record.inputs, {}, {}, key=record.key)
    (step,) = (each for each in plan.steps if isinstance(each, PlannedRelease))
    return step


async def difference(stage: Stage, step: PlannedRelease) -> str:
    return await releases.is_as_applied(stage.helm, stage.cluster, step)


async def test_what_a_run_made_is_as_applied(stage: Stage) -> None:
    await stage.run()
    step = await planned(stage)
    assert await difference(stage, step) == ""
    assert await difference(stage, replace(step, values={"replicas": 2})) == (
        "chart or values changed"
    )
    assert await difference(stage, replace(step, release="another")) == "it is not installed"


async def test_a_file_of_the_chart_counts(stage: Stage) -> None:
    await stage.run()
    step = await planned(stage)
    (Path(step.chart) / "NOTES.txt").write_text("new")
    assert await difference(stage, step) == "chart or values changed"


async def test_a_revision_that_is_not_deployed_is_said(stage: Stage) -> None:
    await stage.run()
    step = await planned(stage)
    await stage.helm.leave_pending("app", "demo")
    assert "its last revision is pending-" in await difference(stage, step)


async def test_what_somebody_changed_or_deleted_is_drift(stage: Stage) -> None:
    await stage.run()
    step = await planned(stage)
    live = await stage.cluster.get(DEPLOYMENT)
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/theirs:2"
    await stage.cluster.replace(live)
    assert f"{DEPLOYMENT} was changed by someone else" in await difference(stage, step)
    await stage.cluster.delete(DEPLOYMENT)
    assert await difference(stage, step) == f"{DEPLOYMENT} is gone"


def test_the_digest_hides_values_and_depends_on_the_key(tmp_path: Path) -> None:
    step = PlannedRelease(
        id="app",
        release="app",
        namespace="demo",
        chart=str(tmp_path),
        values={"password": "hunter2"},
        key="one",
    )
    assert releases.release_digest(step) == releases.release_digest(step)
    assert releases.release_digest(step) != releases.release_digest(replace(step, key="two"))


@pytest.mark.parametrize("cluster_wide", [False, True])
async def test_only_what_has_a_namespace_gets_one(cluster_wide: bool) -> None:
    kind = "Namespace" if cluster_wide else "ConfigMap"
    manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}}
    placed = await releases.with_namespace(MemoryCluster(), manifest, "demo")
    assert placed["metadata"].get("namespace") == (None if cluster_wide else "demo")
    assert "namespace" not in manifest["metadata"]


async def test_what_a_dead_run_left_pending_is_taken_over(stage: Stage) -> None:
    await stage.run()
    await stage.helm.leave_pending("app", "demo")
    pending = await stage.helm.get("app", "demo")
    assert pending is not None
    said = await releases.release_lock(stage.helm, pending, DEMO)
    assert said == f"took over release app, left {pending.status} by run demo-1"
    freed = await stage.helm.get("app", "demo")
    assert freed is not None
    assert freed.status == "failed"
    assert await releases.release_lock(stage.helm, freed, DEMO) == ""


async def test_a_pending_release_of_somebody_else_is_left_alone(stage: Stage) -> None:
    await stage.run()
    await stage.helm.leave_pending("app", "demo")
    pending = await stage.helm.get("app", "demo")
    assert pending is not None
    theirs: Release = replace(pending, labels={})
    with pytest.raises(ReleaseLocked, match=r"demo/app is pending-\S+ since .* not ours"):
        await releases.release_lock(stage.helm, theirs, DEMO)
    assert await stage.helm.get("app", "demo") == pending
