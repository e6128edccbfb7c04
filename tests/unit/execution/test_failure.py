"""What a run that failed says and keeps: its evidence, one problem, commands to be typed."""

from __future__ import annotations

from skill_runner.errors import ClusterUnreachable, Forbidden, HelmError
from skill_runner.objects import Ref
from tests.support.session import HOOKS, Stage

RAISES = HOOKS.replace(
    'return "done after"', 'raise GiveUp("it is broken\\nlook at the first line")'
)
CLUSTER = "--kubeconfig /dev/null --context memory"


def logs(stage: Stage) -> list[str]:
    return sorted(path.name for path in (stage.last.folder / "evidence").glob("*.log"))


async def a_pod(stage: Stage) -> None:
    """A pod of the release, as its Deployment would make it."""
    made = await stage.cluster.get(Ref("apps/v1", "Deployment", "app", "demo"))
    replicas = stage.cluster.put(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": "app-1",
                "namespace": "demo",
                "labels": {"app": "app"},
                "ownerReferences": [owner("apps/v1", "Deployment", made["metadata"])],
            },
            "spec": {
                "selector": {"matchLabels": {"app": "app"}},
                "template": made["spec"]["template"],
            },
        }
    )
    stage.cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "app-1-x",
                "namespace": "demo",
                "labels": {"app": "app"},
                "ownerReferences": [owner("apps/v1", "ReplicaSet", replicas["metadata"])],
            },
            "spec": made["spec"]["template"]["spec"],
        }
    )
    stage.cluster.set_logs("demo", "app-1-x", "app", "nothing works")


def owner(api_version: str, kind: str, meta: dict[str, str]) -> dict[str, object]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }


async def test_where_a_proof_fails_the_logs_of_what_looks_well_are_kept(stage: Stage) -> None:
    await stage.run()
    await a_pod(stage)
    assert (await stage.run("replicas=7")).status == "failed"
    assert logs(stage) == ["pod-app-1-x.app.log"]
    assert "nothing works" in (stage.last.folder / "evidence" / logs(stage)[0]).read_text()


async def test_a_failure_before_the_first_change_looks_at_nothing(stage: Stage) -> None:
    await stage.run()
    await a_pod(stage)
    stage.cluster.fail("get", ClusterUnreachable("no answer"), kind="Deployment", times=50)
    assert (await stage.run()).status == "failed"
    assert logs(stage) == []


async def test_evidence_that_cannot_be_had_hides_no_failure(stage: Stage) -> None:
    await stage.run()
    await a_pod(stage)
    stage.cluster.fail("list", Forbidden("pods is forbidden"), kind="Pod", times=50)
    failed = await stage.run("replicas=7")
    assert failed.problem is not None
    assert failed.problem.code == "PROOF_FAILED"


async def test_what_may_work_next_time_names_the_run_that_goes_on(stage: Stage) -> None:
    stage.helm.fail(ClusterUnreachable("no answer"))
    failed = await stage.run()
    assert failed.problem is not None
    assert failed.problem.retryable
    first = failed.problem.next[0]
    assert (first.run, first.why) == (
        f"skill run demo-setup --name demo-setup -n demo {CLUSTER}",
        "continues where this run stopped",
    )


async def test_what_fails_again_is_looked_into_instead(stage: Stage) -> None:
    stage.helm.fail(HelmError("the chart is wrong"))
    failed = await stage.run()
    assert failed.problem is not None
    commands = [each.run for each in failed.problem.next]
    assert not failed.problem.retryable
    assert commands[0] == f"skill why demo-setup -n demo {CLUSTER}"


async def test_a_hook_that_gives_up_is_the_problem_and_its_step_the_last(stage: Stage) -> None:
    (stage.folder / "skills" / "demo-setup" / "hooks.py").write_text(RAISES)
    failed = await stage.run()
    assert failed.problem is not None
    assert "it is broken" in failed.problem.cause
    assert [(each.id, each.status) for each in failed.steps] == [
        ("app", "done"),
        ("after", "failed"),
    ]
    assert failed.steps[-1].message == "it is broken"  # the step names the hook already
