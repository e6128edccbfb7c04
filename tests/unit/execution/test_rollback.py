"""What `on_failure` leaves of a failed run, in memory."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from skill_runner.actions import request
from skill_runner.backends.base import ReleaseSpec
from skill_runner.backends.helm.storage import secret_name
from skill_runner.errors import HelmError
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Outcome, Recovery
from skill_runner.testing import MemoryCluster
from skill_runner.testing.pods import owned_by
from tests.support.session import DEPLOYMENT, SKILL, Stage, become_ready, render

BAD = 3  # replicas with which the Deployment gives up
CLAIM = Ref("v1", "PersistentVolumeClaim", "data", "demo")
OWNED = Ref("v1", "PersistentVolumeClaim", "data-db-0", "demo")


def on_failure(stage: Stage, mode: str) -> None:
    file = stage.folder / "skills" / "demo-setup" / "skill.yaml"
    file.write_text(SKILL.replace("outputs:\n", f"on_failure: {mode}\noutputs:\n"))
    stage.cluster.on_apply("Deployment", bad_or_ready)


async def bad_or_ready(cluster: MemoryCluster, obj: Object) -> None:
    if obj["spec"]["replicas"] != BAD:
        await become_ready(cluster, obj)
        return
    none = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 0)
    cluster.set_status(Ref.of(obj), observedGeneration=obj["metadata"]["generation"], **none)
    space = obj["metadata"]["namespace"]
    meta = {
        "name": f"{obj['metadata']['name']}-bad",
        "namespace": space,
        "labels": (obj["spec"].get("selector") or {}).get("matchLabels") or {},
        "ownerReferences": [owned_by(obj)],
    }
    refused = 'pods "bad" is forbidden: exceeded quota: small, requested: pods=3'
    condition = {"type": "ReplicaFailure", "status": "True", "message": refused}
    status = {"replicas": 0, "conditions": [condition]}
    made = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "status": status}
    cluster.put({**made, "spec": {"replicas": BAD}})


def chart(stage: Stage, *more: Object) -> None:
    """The chart with more objects in it."""

    def rendered(spec: ReleaseSpec) -> Iterable[Object]:
        yield from render(spec)
        yield from more

    stage.helm.add_chart(str(stage.folder / "skills" / "demo-setup" / "chart"), rendered)


async def replicas(stage: Stage) -> int:
    return int((await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"])


def recovery(outcome: Outcome) -> Recovery:
    assert outcome.recovery is not None
    return outcome.recovery


async def test_a_failed_first_run_has_nothing_to_go_back_to(stage: Stage) -> None:
    on_failure(stage, "rollback")
    outcome = await stage.run(f"replicas={BAD}")
    assert (outcome.status, recovery(outcome).status) == ("failed", "nothing to do")
    assert await replicas(stage) == BAD


async def test_a_failed_upgrade_goes_back_and_the_record_says_so(stage: Stage) -> None:
    on_failure(stage, "rollback")
    await stage.run("replicas=1")
    outcome = await stage.run(f"replicas={BAD}")
    assert outcome.status == "failed"
    assert recovery(outcome).status == "ready"
    assert "revision 1 (as revision 3)" in recovery(outcome).message
    assert await replicas(stage) == 1
    found = await request.find_record(stage.world, "demo-setup", None)
    assert (found.inputs["replicas"], found.complete) == (1, True)
    assert found.releases[0].revision == 3


async def test_after_a_rollback_the_good_inputs_change_nothing_and_the_bad_ones_fail_again(
    stage: Stage,
) -> None:
    on_failure(stage, "rollback")
    await stage.run("replicas=1")
    await stage.run(f"replicas={BAD}")
    assert (await stage.run()).status == "unchanged"
    again = await stage.run(f"replicas={BAD}")
    assert (again.status, recovery(again).status) == ("failed", "ready")
    assert await replicas(stage) == 1


async def test_a_failed_proof_goes_back_too(stage: Stage) -> None:
    on_failure(stage, "rollback")
    await stage.run("replicas=1")
    outcome = await stage.run("replicas=7")
    assert outcome.problem is not None
    assert (outcome.problem.code, recovery(outcome).status) == ("PROOF_FAILED", "ready")
    assert await replicas(stage) == 1


async def test_it_goes_back_to_what_was_ready_and_not_to_what_helm_calls_deployed(
    stage: Stage,
) -> None:
    on_failure(stage, "keep")
    await stage.run("replicas=1")
    kept = await stage.run(f"replicas={BAD}", "color=blue")
    assert kept.recovery is None
    on_failure(stage, "rollback")
    outcome = await stage.run("replicas=7")
    assert "back at revision 1 (as revision 4)" in recovery(outcome).message
    assert await replicas(stage) == 1


async def test_a_release_that_was_made_anew_has_no_good_revision(stage: Stage) -> None:
    """Its first one has the number of the one that was ready, and nothing of it."""
    on_failure(stage, "rollback")
    await stage.run("replicas=1")
    await stage.helm.uninstall("app", "demo")
    outcome = await stage.run(f"replicas={BAD}")
    assert outcome.status == "failed"
    assert recovery(outcome).status != "ready"
    assert await replicas(stage) == BAD
    [release] = await stage.helm.history("app", "demo")
    assert release.revision == 1


async def test_a_rollback_that_fails_is_told_with_the_cause_unchanged(stage: Stage) -> None:
    on_failure(stage, "rollback")
    await stage.run("replicas=1")

    async def break_helm(cluster: MemoryCluster, obj: Object) -> None:
        stage.helm.fail(HelmError("UPGRADE FAILED: no"))
        await bad_or_ready(cluster, obj)

    stage.cluster.on_apply("Deployment", break_helm)
    outcome = await stage.run(f"replicas={BAD}")
    assert outcome.problem is not None
    assert outcome.problem.code != "CHART_ERROR"
    assert recovery(outcome) == Recovery("rollback", "failed", "Helm says “UPGRADE FAILED: no”")


async def test_what_it_went_back_to_is_awaited(stage: Stage) -> None:
    on_failure(stage, "rollback")
    await stage.run("replicas=1")

    async def never_ready(cluster: MemoryCluster, obj: Object) -> None:
        await bad_or_ready(cluster, {**obj, "spec": {**obj["spec"], "replicas": BAD}})

    stage.cluster.on_apply("Deployment", never_ready)
    outcome = await stage.run(f"replicas={BAD}")
    assert recovery(outcome).status == "not ready"
    assert "not ready either" in recovery(outcome).message


async def test_a_failed_first_run_is_removed_and_its_data_is_not(stage: Stage) -> None:
    on_failure(stage, "remove")
    chart(
        stage,
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "demo"},
            "spec": {"storageClassName": ""},
        },
    )
    stage.cluster.on_apply("PersistentVolumeClaim", _bound)
    outcome = await stage.run(f"replicas={BAD}")
    assert (outcome.status, recovery(outcome).status) == ("failed", "done")
    assert "PersistentVolumeClaim demo/data" in recovery(outcome).message
    claim = await stage.cluster.get(CLAIM)
    assert claim["metadata"]["annotations"]["meta.helm.sh/release-name"] == "app"
    assert not (await stage.cluster.list("apps/v1", "Deployment")).items
    assert (await stage.run("replicas=1")).status == "ready"


async def _bound(cluster: MemoryCluster, obj: Object) -> None:
    cluster.set_status(Ref.of(obj), phase="Bound")


async def own_a_claim(cluster: MemoryCluster, obj: Object) -> None:
    """As the controller does for a StatefulSet whose volumes are to go with it."""
    if not cluster.store.select(lambda ref, _: ref == OWNED):
        meta = {"name": OWNED.name, "namespace": "demo", "ownerReferences": [owned_by(obj)]}
        cluster.put({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta})


async def test_a_chart_that_deletes_its_data_goes_without_it(stage: Stage) -> None:
    on_failure(stage, "remove")
    stage.cluster.on_apply("StatefulSet", own_a_claim)
    spec = {"replicas": 0, "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}
    chart(
        stage,
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "spec": spec,
            "metadata": {"name": "db", "namespace": "demo"},
        },
    )
    outcome = await stage.run(f"replicas={BAD}")
    assert recovery(outcome).status == "done"
    assert str(OWNED) in recovery(outcome).message
    assert await stage.cluster.get(OWNED)
    assert not (await stage.cluster.list("apps/v1", "StatefulSet")).items


async def test_what_was_ready_before_is_never_removed(stage: Stage) -> None:
    """The record knows that it was; Helm's history is cut."""
    on_failure(stage, "remove")
    await stage.run("replicas=1")

    async def cut(cluster: MemoryCluster, obj: Object) -> None:
        await cluster.delete(Ref("v1", "Secret", secret_name("app", 1), "demo"))

    stage.cluster.on_apply("Deployment", cut)
    outcome = await stage.run(f"replicas={BAD}")
    assert recovery(outcome).status == "nothing to do"
    assert "no longer in its history" in recovery(outcome).message
    assert await stage.cluster.get(DEPLOYMENT)


@pytest.mark.parametrize("mode", ["rollback", "remove"])
async def test_an_upgrade_without_failure_recovers_from_nothing(stage: Stage, mode: str) -> None:
    on_failure(stage, mode)
    await stage.run("replicas=1")
    assert (await stage.run("replicas=2")).recovery is None
