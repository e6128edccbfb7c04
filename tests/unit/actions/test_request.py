"""A whole run in memory: first, unchanged, drifted, failed, interrupted, removed."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from skill_runner.actions import request as session
from skill_runner.actions import verify
from skill_runner.backends.base import ReleaseSpec
from skill_runner.backends.world import World
from skill_runner.errors import (
    ClusterUnreachable,
    HelmError,
    LockHeld,
    PreflightFailed,
    Refused,
    UnknownSkill,
    UsageError,
)
from skill_runner.execution.state import Options
from skill_runner.installations import lock, removal, store
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Outcome, redacted, to_json
from skill_runner.plan import Installation
from skill_runner.progress import Awaiting, Event
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library
from skill_runner.testing import FakeClock, MemoryCluster, MemoryHelm
from skill_runner.testing.images import MemoryImages

SKILL = """
schema: 1
name: demo-setup
version: 1.0.0
summary: A demonstration.
use_when: A test needs a skill.
inputs:
  namespace: {type: string, default: demo, change: refuse, description: Where.}
  replicas: {type: integer, minimum: 1, default: 1, description: How many.}
  token: {type: string, default: "", writeOnly: true, description: A secret.}
  color: {type: string, default: blue, change: refuse, description: Which.}
steps:
  - {id: app, release: app, chart: chart/, values: values.yaml.j2}
  - {id: after, hook: after}
prove:
  - {id: answers, hook: prove, kind: probe}
makes:
  here:
    - apps/v1 Deployment
    - apps/v1 StatefulSet
    - batch/v1 Job
    - example.org/v1 Database
    - rbac.authorization.k8s.io/v1 Role
    - v1 ConfigMap
    - v1 PersistentVolumeClaim
    - v1 Secret
  elsewhere:
    - {namespaces: learnflow, kinds: [rbac.authorization.k8s.io/v1 Role, v1 ConfigMap]}
outputs:
  address: "app.{{ namespace }}.svc:80"
"""
HOOKS = """
from skill_runner.hooks import GiveUp

async def after(ctx):
    return "done after"

async def prove(ctx):
    if ctx.inputs["replicas"] == 6:
        raise GiveUp("six is not proven with " + ctx.inputs["token"])
    if ctx.inputs["replicas"] == 7:
        raise GiveUp("seven is not proven\\nevidence of seven")
    return f"{ctx.inputs['replicas']} replicas answer"
"""
DEPLOYMENT = Ref("apps/v1", "Deployment", "app", "demo")


def render(spec: ReleaseSpec) -> Iterable[Object]:
    labels = {"app": "app"}
    container = {
        "name": "app",
        "image": "example.org/app:1",
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi"},
            "limits": {"cpu": "1", "memory": "16Mi"},
        },
        "livenessProbe": {"tcpSocket": {"port": 80}},
        "readinessProbe": {"tcpSocket": {"port": 80}},
    }
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "namespace": spec.namespace},
        "spec": {
            "replicas": spec.values["replicas"],
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


async def become_ready(cluster: MemoryCluster, obj: Object) -> None:
    if obj["metadata"].get("deletionTimestamp"):
        return
    count = obj["spec"].get("replicas", 1)
    cluster.set_status(
        Ref.of(obj),
        observedGeneration=obj["metadata"]["generation"],
        replicas=count,
        updatedReplicas=count,
        readyReplicas=count,
        availableReplicas=count,
        conditions=[
            {"type": "Available", "status": "True"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        ],
    )


@dataclass
class Stage:
    """A world in memory with one skill."""

    world: World
    cluster: MemoryCluster
    helm: MemoryHelm
    library: Library
    folder: Path
    runs: int = 0
    last: Run = field(default_factory=lambda: Run("none", Path()))

    async def run(self, *sets: str, options: Options | None = None, **given: Any) -> Outcome:
        self.runs += 1
        folder = self.folder / f"run-{self.runs}"
        folder.mkdir()
        request = session.Request(
            skill=self.library.find("demo-setup"),
            name="demo-setup",
            namespace=None,
            sets=sets,
            given=given,
        )
        self.last = Run(f"demo-{self.runs}", folder)
        return await session.run(request, self.world, self.last, options or Options())

    def writes(self) -> list[str]:
        """What was written to objects other than the Lease."""
        return [str(r) for r in self.cluster.writes if r.kind != "Lease"]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    folder = tmp_path / "skills" / "demo-setup"
    (folder / "chart").mkdir(parents=True)
    (folder / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: app\nversion: 1.0.0\n")
    (folder / "skill.yaml").write_text(SKILL)
    (folder / "hooks.py").write_text(HOOKS)
    (folder / "values.yaml.j2").write_text("replicas: {{ replicas }}\n")
    cluster = MemoryCluster(FakeClock())
    cluster.on_apply("Deployment", become_ready)
    helm = MemoryHelm(cluster)
    helm.add_chart(str(folder / "chart"), render)

    async def connect() -> MemoryCluster:
        return cluster

    world = World(
        helm=helm, cluster=cluster, images=MemoryImages(), clock=cluster.clock, connect=connect
    )
    return Stage(world, cluster, helm, Library((tmp_path / "skills",)), tmp_path)


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
    request = session.Request(
        skill=stage.library.find("demo-setup"),
        name="demo-setup",
        namespace="demo",
        sets=sets,
        given=given,
    )
    with pytest.raises(UsageError, match=r"two namespaces are named: -n demo and .*other"):
        session.resolve(request, None)


async def test_a_failed_proof_is_said_and_proven_again_next_time(stage: Stage) -> None:
    outcome = await stage.run("replicas=7")
    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert outcome.problem is not None
    assert outcome.problem.code == "PROOF_FAILED"
    assert "evidence of seven" in outcome.problem.evidence
    again = await stage.run("replicas=7")
    assert again.status == "failed"


async def test_a_change_that_failed_is_told_and_its_way_back_works(stage: Stage) -> None:
    await stage.run("replicas=2", token="hunter2-hunter2")
    failed = await stage.run("replicas=7", token="hunter3-hunter3")
    assert failed.notes[0] == "this run changed replicas: 2 → 7; it was ready before"
    assert failed.problem is not None
    back = failed.problem.next[-1]
    assert (back.run, back.safe) == ("skill run demo-setup --name demo-setup -n demo", False)
    assert back.why == "undoes that change"
    assert "hunter" not in to_json(failed)
    again = await stage.run()  # what that command does
    assert (again.status, (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"]) == ("ready", 2)


async def test_a_change_that_the_next_run_continues_is_undone_by_its_old_values(
    stage: Stage,
) -> None:
    await stage.run("replicas=2")
    stage.helm.fail(ClusterUnreachable("no answer"))
    failed = await stage.run("replicas=3")
    assert failed.problem is not None
    assert failed.problem.next[-1].run.endswith("-n demo --set replicas=2")
    await stage.run("replicas=2")  # what that command does
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 2


async def test_a_change_that_was_stopped_and_then_fails_is_given_up(stage: Stage) -> None:
    """The run that continues it was not asked for it, and says what was changed before."""
    await stage.run("replicas=2")
    running = asyncio.ensure_future(stage.run("replicas=7"))
    while (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] != 7:
        await stage.world.clock.sleep(0.1)
    await stage.world.clock.sleep(1)  # Helm is done, and the run waits for what it made
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    failed = await stage.run()
    assert failed.status == "failed"
    said = "a run before, which this one continued, changed replicas: 2 → 7; it was ready before"
    assert failed.notes[0] == said
    assert failed.problem is not None
    assert failed.problem.next[-1].run == "skill run demo-setup --name demo-setup -n demo"
    assert (await stage.run()).status == "ready"
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 2


async def test_a_first_run_that_fails_has_no_way_back(stage: Stage) -> None:
    failed = await stage.run("replicas=7")
    assert failed.problem is not None
    assert "undoes" not in to_json(failed)


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
        with pytest.raises(LockHeld, match="another-run"):
            await stage.run("replicas=2")
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
    target = await session.find_record(stage.world, "demo-setup", None)
    async with lock.hold(stage.world.connect, installation, "me", stage.world.clock) as held:
        await removal.remove(stage.world, target, held, purge=False)
    for kind in ("ConfigMap", "Secret"):
        assert (await stage.cluster.list("v1", kind, namespace="demo")).items == ()
    assert (await stage.cluster.list("apps/v1", "Deployment")).items == ()
    with pytest.raises(UsageError, match="no installation"):
        await session.find_record(stage.world, "demo-setup", None)
    with pytest.raises(UsageError, match="no installation"):
        await session.find_record(stage.world, "demo-setup", None, purge=True)


SECRET = "s3cret-& värde/with%everything"


async def test_a_secret_input_is_kept_in_a_secret_and_nowhere_else(stage: Stage) -> None:
    outcome = await stage.run(token=SECRET)
    assert outcome.status == "ready"
    (kept,) = (await stage.cluster.list("v1", "ConfigMap", namespace="demo")).items
    assert SECRET not in json.dumps(kept, ensure_ascii=False)
    plain = hashlib.sha256(SECRET.encode()).hexdigest()
    assert plain not in json.dumps(kept)
    found = await store.read(stage.cluster, Installation("demo", "demo-setup"))
    assert found is not None
    assert found.inputs["token"] == SECRET
    assert SECRET not in repr(found.key)


async def test_a_secret_input_is_remembered_and_its_change_is_a_change(stage: Stage) -> None:
    await stage.run(token=SECRET)
    stage.cluster.requests.clear()
    assert (await stage.run()).status == "unchanged"
    assert stage.writes() == []
    assert (await stage.run(token="another-secret")).status == "ready"


def test_every_installation_has_a_key_of_its_own(stage: Stage) -> None:
    skill = stage.library.find("demo-setup")
    assert store.key_for(None, skill) != store.key_for(None, skill)
    open_ = {name: each for name, each in skill.inputs.items() if not each.secret}
    assert store.key_for(None, replace(skill, inputs=open_)) == ""


async def test_a_listed_record_does_not_overwrite_secrets(stage: Stage) -> None:
    await stage.run(token=SECRET)
    (listed,) = await store.find_all(stage.cluster)
    assert "token" not in listed.inputs
    await store.write(stage.cluster, listed)
    found = await store.find(stage.cluster, "demo-setup")
    assert found is not None
    assert found.inputs["token"] == SECRET


async def test_a_secret_that_a_hook_says_is_in_no_file_of_the_run(stage: Stage) -> None:
    outcome = await stage.run("replicas=6", token=SECRET)
    told = redacted(outcome, stage.last.redactor)
    written = [p for p in stage.last.folder.rglob("*") if p.is_file()]
    assert written
    assert all(SECRET.encode() not in p.read_bytes() for p in written)
    assert SECRET not in to_json(told)


async def test_a_skill_that_is_not_in_the_library_is_never_run_from_the_record(
    stage: Stage, tmp_path: Path
) -> None:
    await stage.run()
    with pytest.raises(UnknownSkill, match="made by the skill demo-setup") as raised:
        await verify.verify(
            stage.world, stage.last, Library(()), "demo-setup", None, observe=False, timeout=1
        )
    assert f"--skills {tmp_path / 'skills'}" in raised.value.hint


async def test_what_failed_does_not_become_the_installations(stage: Stage) -> None:
    await stage.run("replicas=2")
    assert (await stage.run("replicas=7")).status == "failed"
    found = await session.find_record(stage.world, "demo-setup", None)
    assert (found.inputs["replicas"], found.complete, found.good) == (2, False, None)
    assert (await stage.run()).status == "ready"
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 2


async def test_what_was_interrupted_is_continued_as_it_was_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.run("replicas=2")
    with monkeypatch.context() as patch:

        async def dies(*_: Any, **__: Any) -> None:
            raise asyncio.CancelledError

        patch.setattr(stage.helm, "install_or_upgrade", dies)
        with pytest.raises(asyncio.CancelledError):
            await stage.run("replicas=3")
    found = await session.find_record(stage.world, "demo-setup", None)
    assert found.inputs["replicas"] == 3
    assert found.good is not None
    assert found.good.inputs["replicas"] == 2
    await stage.run()
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 3
    # and where it fails in the end, the next goes by what was ready
    await stage.run("replicas=7")
    await stage.run()
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 3
