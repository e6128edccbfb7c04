"""A whole run in memory: first, unchanged, drifted, failed, interrupted, removed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from skill_runner.actions import verify
from skill_runner.actions.request import Request, find_record, resolve
from skill_runner.backends.base import ReleaseSpec
from skill_runner.errors import (
    HelmError,
    PreflightFailed,
    Refused,
    UnknownSkill,
    UsageError,
)
from skill_runner.installations import lock, removal, store
from skill_runner.objects import Object
from skill_runner.plan import Installation
from skill_runner.progress import Awaiting, Event
from skill_runner.skill.library import Library
from tests.support.session import DEPLOYMENT, HOOKS, SKILL, Stage


async def test_a_first_run_installs_and_proves(stage: Stage) -> None:
    outcome = await stage.run("replicas=2")
    assert (outcome.status, outcome.exit_code, outcome.problem) == ("ready", 0, None)
    assert outcome.proof == {"answers": "passed: 2 replicas answer"}
    assert outcome.outputs == {"address": "app.demo.svc:80"}
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 2
    kept = await store.read(stage.cluster, Installation("demo", "demo-setup"))
    assert kept is not None
    assert kept.complete
    assert kept.inputs["replicas"] == 2


async def test_a_second_run_writes_nothing(stage: Stage) -> None:
    await stage.run()
    stage.cluster.requests.clear()
    outcome = await stage.run()
    assert outcome.status == "unchanged"
    assert outcome.proof["answers"].startswith("passed")
    assert stage.writes() == []


async def test_inputs_are_remembered(stage: Stage) -> None:
    await stage.run("replicas=2")
    assert (await stage.run()).status == "unchanged"


async def test_what_was_deleted_by_hand_is_put_back(stage: Stage) -> None:
    await stage.run()
    await stage.cluster.delete(DEPLOYMENT)
    outcome = await stage.run()
    assert (outcome.status, outcome.changed) == ("ready", True)
    assert "is gone" in outcome.steps[0].message
    assert await stage.cluster.get(DEPLOYMENT)


async def test_what_is_being_deleted_is_put_back_when_it_is_gone(stage: Stage) -> None:
    await stage.run()
    live = await stage.cluster.get(DEPLOYMENT)
    live["metadata"]["finalizers"] = ["foregroundDeletion"]
    await stage.cluster.replace(live)
    await stage.cluster.delete(DEPLOYMENT)
    deleted = await stage.cluster.get(DEPLOYMENT)
    deleted["metadata"]["finalizers"] = []
    releasing: list[asyncio.Task[Object]] = []
    waited: list[str] = []

    def let_go(event: Event) -> None:
        if isinstance(event, Awaiting) and not waited:
            waited.extend(each.state for each in event.objects)
            releasing.append(asyncio.create_task(stage.cluster.replace(deleted)))

    stage.world = replace(stage.world, report=let_go)
    outcome = await stage.run()
    await asyncio.gather(*releasing)
    assert (outcome.status, outcome.changed, waited) == ("ready", True, ["terminating"])
    assert "is being deleted" in outcome.steps[0].message
    assert (await stage.cluster.get(DEPLOYMENT))["metadata"]["uid"] != live["metadata"]["uid"]


FIX = """
from skill_runner.hooks import Ref

async def fix(ctx):
    broken = await ctx.list("v1", "ConfigMap", labels="broken=yes")
    for each in broken:
        await ctx.delete(Ref.of(each))
    return f"{len(broken)} fixed" if broken else ""
"""


async def test_a_hook_of_every_run_fixes_what_it_finds(stage: Stage) -> None:
    folder = stage.folder / "skills" / "demo-setup"
    (folder / "hooks.py").write_text(HOOKS + FIX)
    step = "  - {id: fix, hook: fix, always: true}\n"
    (folder / "skill.yaml").write_text(SKILL.replace("prove:", f"{step}prove:"))
    await stage.run()
    await stage.cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "x", "namespace": "demo", "labels": {"broken": "yes"}},
        }
    )
    fixed = await stage.run()
    assert (fixed.status, fixed.changed) == ("ready", True)
    assert fixed.steps[-1].message == "1 fixed"
    assert (await stage.run()).status == "unchanged"


async def test_a_run_that_fails_leaves_a_record_of_what_it_made(stage: Stage) -> None:
    release = "  - {id: app, release: app, chart: chart/, values: values.yaml.j2}\n"
    hook = "  - {id: after, hook: after}\n"
    file = stage.folder / "skills" / "demo-setup" / "skill.yaml"
    file.write_text(SKILL.replace(release + hook, hook + release))
    stage.helm.fail(HelmError("broken on the way"))
    assert (await stage.run()).status == "failed"
    kept = await store.read(stage.cluster, Installation("demo", "demo-setup"))
    assert kept is not None
    assert [release.name for release in kept.releases] == ["app"]


async def test_a_changed_input_makes_one_new_revision(stage: Stage) -> None:
    await stage.run()
    assert (await stage.run("replicas=3")).status == "ready"
    release = await stage.helm.get("app", "demo")
    assert release is not None
    assert release.revision == 2


async def test_an_input_that_may_not_change_is_refused_before_anything(stage: Stage) -> None:
    await stage.run()
    stage.cluster.requests.clear()
    with pytest.raises(Refused, match="color"):
        await stage.run("color=red")
    assert stage.writes() == []


@pytest.mark.parametrize("sets", [("namespace=other",), ()])
async def test_two_namespaces_are_refused(stage: Stage, sets: tuple[str, ...]) -> None:
    given = {} if sets else {"namespace": "other"}
    request = Request(
        skill=stage.library.find("demo-setup"),
        name="demo-setup",
        namespace="demo",
        sets=sets,
        given=given,
    )
    with pytest.raises(UsageError, match=r"two namespaces are named: -n demo and .*other"):
        resolve(request, None)


async def test_a_failed_proof_is_said_and_proven_again_next_time(stage: Stage) -> None:
    outcome = await stage.run("replicas=7")
    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert outcome.problem is not None
    assert outcome.problem.code == "PROOF_FAILED"
    assert "evidence of seven" in outcome.problem.evidence
    again = await stage.run("replicas=7")
    assert again.status == "failed"


async def test_a_release_left_pending_by_a_dead_run_of_ours_is_taken_over(stage: Stage) -> None:
    await stage.run()
    await stage.helm.leave_pending("app", "demo")
    outcome = await stage.run()
    assert outcome.status == "ready"
    assert any("took over release app" in note for note in outcome.notes)


@pytest.mark.parametrize("pending", [False, True])
async def test_a_release_of_someone_else_is_refused_and_left_as_it_is(
    stage: Stage, pending: bool
) -> None:
    spec = ReleaseSpec(
        name="app",
        namespace="demo",
        chart=str(stage.folder / "skills/demo-setup/chart"),
        values={"replicas": 1},
    )
    await stage.helm.install_or_upgrade(spec)
    if pending:
        await stage.helm.leave_pending("app", "demo")
    writes = stage.cluster.writes
    with pytest.raises(PreflightFailed) as caught:
        await stage.run()
    assert stage.cluster.writes == writes
    assert caught.value.problem.code == "NOT_OURS"
    assert "release demo/app exists and belongs to Helm release demo/app" in caught.value.message


async def test_two_runs_at_once(stage: Stage) -> None:
    await stage.run()
    installation = Installation("demo", "demo-setup")
    async with lock.hold(stage.world.connect, installation, "another-run", stage.world.clock):
        refused = await stage.run("replicas=2")
    assert refused.problem is not None
    assert (refused.exit_code, refused.problem.code) == (7, "LOCKED")
    assert "another-run" in refused.problem.cause
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 1


async def test_a_run_that_is_cancelled_is_continued_by_the_next(stage: Stage) -> None:
    reached = asyncio.Event()
    release = stage.helm.install_or_upgrade

    async def hang(*arguments: object, **more: object) -> object:
        await release(*arguments, **more)  # type: ignore[arg-type]
        reached.set()
        return await asyncio.Event().wait()

    stage.helm.install_or_upgrade = hang  # type: ignore[assignment,method-assign]
    running = asyncio.ensure_future(stage.run())
    await reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    stage.helm.install_or_upgrade = release  # type: ignore[method-assign]
    outcome = await stage.run()
    assert outcome.exit_code == 0
    assert outcome.proof["answers"].startswith("passed: ")


async def test_preflight_refuses_what_no_node_can_hold(stage: Stage) -> None:
    stage.cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "n"},
            "status": {"allocatable": {"cpu": "5m", "memory": "1Gi"}},
        }
    )
    with pytest.raises(PreflightFailed, match="no node can hold"):
        await stage.run()
    assert stage.writes() == []


async def test_a_terminating_namespace_is_named(stage: Stage) -> None:
    stage.cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "demo"},
            "status": {"phase": "Terminating"},
        }
    )
    with pytest.raises(PreflightFailed, match="demo is being deleted"):
        await stage.run()


async def test_remove_leaves_nothing(stage: Stage) -> None:
    await stage.run()
    installation = Installation("demo", "demo-setup")
    target = await find_record(stage.world, "demo-setup", None)
    async with lock.hold(stage.world.connect, installation, "me", stage.world.clock) as held:
        await removal.remove(stage.world, target, held, purge=False)
    for kind in ("ConfigMap", "Secret"):
        assert (await stage.cluster.list("v1", kind, namespace="demo")).items == ()
    assert (await stage.cluster.list("apps/v1", "Deployment")).items == ()
    with pytest.raises(UsageError, match="no installation"):
        await find_record(stage.world, "demo-setup", None)
    with pytest.raises(UsageError, match="no installation"):
        await find_record(stage.world, "demo-setup", None, purge=True)


async def test_a_skill_that_is_not_in_the_library_is_never_run_from_the_record(
    stage: Stage, tmp_path: Path
) -> None:
    await stage.run()
    with pytest.raises(UnknownSkill, match="made by the skill demo-setup") as raised:
        await verify.verify(
            stage.world, stage.last, Library(()), "demo-setup", None, observe=False, timeout=1
        )
    assert f"--skills {tmp_path / 'skills'}" in raised.value.hint
