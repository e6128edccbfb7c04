"""Nothing of a stranger changes: each kind, on each path, made before us or again after us."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from skill_runner.actions import run
from skill_runner.actions.remove import remove as remove_installation
from skill_runner.actions.request import Request, find_record
from skill_runner.backends.base import ObjectList, ReleaseSpec
from skill_runner.errors import Forbidden, NotFound, PreflightFailed
from skill_runner.installations import namespaces
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Outcome
from tests.support.session import DEPLOYMENT, SKILL, Stage, render

STEP = "  - {id: settings, apply: settings.yaml.j2}\n"
SETTINGS = """
{% if replicas != 3 %}
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: ours}
{% endif %}
"""
MAP = Ref("v1", "ConfigMap", "settings", "demo")
RECORD = Ref("v1", "Secret", "skill-runner.demo-setup", "demo")
PVC = Ref("v1", "PersistentVolumeClaim", "data-app-0", "demo")
SPACE = Ref("v1", "Namespace", "demo")


@pytest.fixture
def applied(stage: Stage) -> Stage:
    folder = stage.folder / "skills" / "demo-setup"
    (folder / "skill.yaml").write_text(SKILL.replace("steps:\n", f"steps:\n{STEP}"))
    (folder / "settings.yaml.j2").write_text(SETTINGS)
    return stage


def foreign(ref: Ref) -> Object:
    body: Object = {"data": {"color": "dGhlaXJz"}} if ref.kind in ("ConfigMap", "Secret") else {}
    if ref.kind == "Deployment":
        spec = ReleaseSpec(name="x", namespace="demo", chart="", values={"replicas": 9})
        body = {"spec": next(iter(render(spec)))["spec"]}
    meta = {"name": ref.name, "namespace": ref.namespace}
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta, **body}


async def recreate(stage: Stage, ref: Ref) -> Object:
    """A stranger's object of this name, in place of what was there."""
    await stage.cluster.delete(ref)
    return await stage.cluster.create(foreign(ref))


async def remove(stage: Stage, *, purge: bool = False, cascade: bool = False) -> Outcome:
    target = await find_record(stage.world, "demo-setup", None)
    return await remove_installation(stage.world, [target], purge=purge, cascade=cascade)


def same(one: Object, other: Object) -> bool:
    """But for what controllers write."""

    def owned(obj: Object) -> Object:
        meta = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
        return {**obj, "metadata": meta, "status": None}

    return owned(one) == owned(other)


@pytest.mark.parametrize("ref", [MAP, RECORD, DEPLOYMENT], ids=lambda ref: ref.kind)
async def test_a_first_run_is_refused_and_touches_nothing(applied: Stage, ref: Ref) -> None:
    applied.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}})
    before = await applied.cluster.create(foreign(ref))
    writes = applied.cluster.writes
    with pytest.raises(PreflightFailed, match=f"{ref} exists and belongs to") as caught:
        await applied.run()
    assert caught.value.problem.code == "NOT_OURS"
    assert applied.cluster.writes == writes
    assert same(before, await applied.cluster.get(ref))


@pytest.mark.parametrize("ref", [MAP, DEPLOYMENT], ids=lambda ref: ref.kind)
@pytest.mark.parametrize("path", ["upgrade", "unchanged"])
async def test_a_later_run_leaves_what_a_stranger_made_again(
    applied: Stage, ref: Ref, path: str
) -> None:
    await applied.run()
    before = await recreate(applied, ref)
    try:
        outcome = await applied.run("replicas=2" if path == "upgrade" else "replicas=1")
        code = outcome.problem and outcome.problem.code
    except PreflightFailed as error:
        code = error.problem.code
    assert code == "NOT_OURS"
    assert same(before, await applied.cluster.get(ref))


async def test_pruning_leaves_what_a_stranger_made_again(applied: Stage) -> None:
    await applied.run()
    before = await recreate(applied, MAP)
    outcome = await applied.run("replicas=3")
    assert outcome.status == "ready"
    assert await applied.cluster.get(MAP) == before
    assert any(note.startswith(f"left alone: {MAP}") for note in outcome.notes)


@pytest.mark.parametrize("purge", [False, True])
@pytest.mark.parametrize("cascade", [False, True])
@pytest.mark.parametrize("ref", [MAP, DEPLOYMENT], ids=lambda ref: ref.kind)
async def test_a_removal_leaves_what_a_stranger_made_again(
    applied: Stage, ref: Ref, purge: bool, cascade: bool
) -> None:
    await applied.run()
    before = await recreate(applied, ref)
    await remove(applied, purge=purge, cascade=cascade)
    assert same(before, await applied.cluster.get(ref))
    assert await applied.cluster.get(SPACE)


async def test_a_purge_leaves_a_volume_that_only_shares_the_label(applied: Stage) -> None:
    await applied.run()
    claim = foreign(PVC)
    claim["metadata"]["labels"] = {"app.kubernetes.io/instance": "demo-setup"}
    before = await applied.cluster.create(claim)
    await remove(applied, purge=True)
    assert await applied.cluster.get(PVC) == before


async def test_a_release_that_a_stranger_made_again_is_left_installed(applied: Stage) -> None:
    await applied.run()
    await applied.helm.uninstall("app", "demo")
    chart = str(applied.folder / "skills/demo-setup/chart")
    spec = ReleaseSpec(name="app", namespace="demo", chart=chart, values={"replicas": 4})
    await applied.helm.install_or_upgrade(spec)
    before = await applied.cluster.get(DEPLOYMENT)
    with pytest.raises(PreflightFailed, match="deleted, and another of the same name"):
        await applied.run("replicas=2")
    outcome = await remove(applied, purge=True)
    assert any("left alone: release demo/app" in note for note in outcome.notes)
    assert same(before, await applied.cluster.get(DEPLOYMENT))
    assert await applied.helm.get("app", "demo")


@pytest.mark.parametrize(
    "kind",
    [
        ("batch/v1", "CronJob"),
        ("networking.k8s.io/v1", "Ingress"),
        ("v1", "ServiceAccount"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("rbac.authorization.k8s.io/v1", "Role"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ],
    ids=lambda kind: kind[1],
)
async def test_a_namespace_stays_with_anything_of_a_neighbour(
    applied: Stage, kind: tuple[str, str]
) -> None:
    await applied.run()
    await applied.cluster.create(foreign(Ref(*kind, "neighbour", "demo")))
    await remove(applied)
    assert await applied.cluster.get(Ref(*kind, "neighbour", "demo"))


@pytest.mark.parametrize("lives", [True, False])
async def test_a_namespace_stays_with_a_lease_that_somebody_renews(
    applied: Stage, lives: bool
) -> None:
    """A controller that is gone leaves its Lease behind, as Dapr's operator does."""
    lease = Ref("coordination.k8s.io/v1", "Lease", "operator", "demo")
    spec = {"holderIdentity": "operator-1", "leaseDurationSeconds": 15}
    await applied.run()
    await applied.cluster.create({**foreign(lease), "spec": spec})

    async def renew() -> None:
        while lives:
            await applied.world.clock.sleep(7)
            applied.cluster.edit(lease, lambda o: o["spec"].update(renewTime=str(uuid4())))

    controller = asyncio.ensure_future(renew())
    await remove(applied)
    controller.cancel()
    names = [o["metadata"]["name"] for o in (await applied.cluster.list("v1", "Namespace")).items]
    assert (SPACE.name in names) == lives


async def test_a_namespace_stays_where_its_leases_cannot_be_seen(
    applied: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The removal is done all the same."""
    await applied.run()
    listing = applied.cluster.list

    async def refusing(api_version: str, kind: str, **how: Any) -> ObjectList:
        if kind == "Lease":
            raise Forbidden("leases is forbidden")
        return await listing(api_version, kind, **how)

    monkeypatch.setattr(applied.cluster, "list", refusing)
    assert (await remove(applied)).status == "removed"
    assert await applied.cluster.get(SPACE)


async def test_a_namespace_that_is_ours_alone_goes(applied: Stage) -> None:
    await applied.run()
    await remove(applied)
    with pytest.raises(NotFound):
        await applied.cluster.get(SPACE)


async def test_a_namespace_that_was_made_again_stays(applied: Stage) -> None:
    await applied.run()
    target = await find_record(applied.world, "demo-setup", None)
    assert SPACE in target.uids
    changed = target.remembering({SPACE: "00000000-another"})
    assert await namespaces.take_away(applied.world, changed, [SPACE.name]) == []
    assert await applied.cluster.get(SPACE)


async def test_adopting_a_release_makes_it_ours(applied: Stage) -> None:
    from skill_runner.execution.state import Options

    chart = str(applied.folder / "skills/demo-setup/chart")
    spec = ReleaseSpec(name="app", namespace="demo", chart=chart, values={"replicas": 4})
    await applied.helm.install_or_upgrade(spec)
    outcome = await applied.run(options=Options(adopt=True))
    assert outcome.status == "ready", outcome.problem
    assert (await applied.run()).status == "unchanged"


@pytest.mark.parametrize("named", ["learnflw", "demo", "learnflow"])
async def test_a_namespace_of_clients_must_be_there(stage: Stage, named: str) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "learnflow"}}
    await stage.cluster.create(space)
    if named == "learnflow":
        await namespaces.check_named(stage.cluster, [named])
        return
    with pytest.raises(PreflightFailed, match=f"namespace {named} does not exist") as caught:
        await namespaces.check_named(stage.cluster, [named])
    assert ("did you mean 'learnflow'?" in caught.value.message) == (named == "learnflw")
    assert len((await stage.cluster.list("v1", "Namespace")).items) == 3


async def test_a_plan_to_adopt_says_what_it_would_take_over_and_change(applied: Stage) -> None:
    chart = str(applied.folder / "skills/demo-setup/chart")
    spec = ReleaseSpec(name="app", namespace="demo", chart=chart, values={"replicas": 4})
    await applied.helm.install_or_upgrade(spec)
    await applied.cluster.create(foreign(MAP))
    before = [await applied.cluster.get(DEPLOYMENT), await applied.cluster.get(MAP)]
    request = Request(skill=applied.library.find("demo-setup"), name="demo-setup", namespace=None)
    planned = await run.plan([request], applied.world, applied.library, adopt=True)
    assert planned.status == "planned"
    release, settings = planned.notes[-2:]
    assert release.startswith("would take over release demo/app, which belongs to Helm release")
    assert f"changes spec.replicas of {DEPLOYMENT}" in release
    assert settings.startswith(f"would take over {MAP}, which belongs to")
    assert "data.color" in settings
    assert "ours" not in settings  # values may be secret
    assert [await applied.cluster.get(DEPLOYMENT), await applied.cluster.get(MAP)] == before
    with pytest.raises(PreflightFailed, match="release demo/app"):
        await run.plan([request], applied.world, applied.library)
