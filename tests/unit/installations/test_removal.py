"""What a removal takes away, and what it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from skill_runner.actions import remove, request
from skill_runner.backends.base import ReleaseSpec
from skill_runner.backends.helm.storage import secret_name, with_status
from skill_runner.errors import HelmError, NotFound
from skill_runner.hooks.context import SMALL
from skill_runner.hooks.pods import pod_manifest
from skill_runner.installations import lock, removal, store
from skill_runner.installations.deletion import find_pods
from skill_runner.installations.namespaces import namespace_ref
from skill_runner.objects import Object, Ref
from skill_runner.testing import FakeClock, MemoryCluster
from tests.support.session import SKILL, Stage, render

STEP = "  - {id: password, apply: secret.yaml}\n"
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: password, annotations: {helm.sh/resource-policy: keep}}
"""


@pytest.mark.parametrize("purge", [False, True])
async def test_what_asks_to_be_kept_stays_until_it_is_purged(stage: Stage, purge: bool) -> None:
    folder = stage.folder / "skills" / "demo-setup"
    (folder / "skill.yaml").write_text(SKILL.replace("steps:\n", f"steps:\n{STEP}"))
    (folder / "secret.yaml").write_text(SECRET)
    await stage.run()
    target = await request.find_record(stage.world, "demo-setup", None)
    at = target.installation
    async with lock.hold(stage.world.connect, at, "me", stage.world.clock) as held:
        done = await removal.remove(stage.world, target, held, purge=purge)
    left = (await stage.cluster.list("v1", "Secret", namespace="demo")).items
    names = [obj["metadata"]["name"] for obj in left]
    assert names == ([] if purge else ["password", "skill-runner.demo-setup"])
    assert done.kept == ([] if purge else ["Secret demo/password"])


async def test_kept_data_brings_back_its_inputs_and_a_purge_forgets_them(stage: Stage) -> None:
    folder = stage.folder / "skills" / "demo-setup"
    (folder / "skill.yaml").write_text(SKILL.replace("steps:\n", f"steps:\n{STEP}"))
    (folder / "secret.yaml").write_text(SECRET)
    await stage.run("replicas=2", token="hidden")
    target = await request.find_record(stage.world, "demo-setup", None)
    outcome = await remove.remove(stage.world, [target], purge=False, cascade=False)
    assert any(
        "skill run demo-setup --name demo-setup -n demo restores it" in n for n in outcome.notes
    )
    assert (await stage.run()).status == "ready"
    back = await request.find_record(stage.world, "demo-setup", None)
    assert (back.inputs["replicas"], back.inputs["token"]) == (2, "hidden")
    await remove.remove(stage.world, [back], purge=False, cascade=False)
    kept = await request.find_record(stage.world, "demo-setup", None, purge=True)
    await remove.remove(stage.world, [kept], purge=True, cascade=False)
    for kind in ("Secret", "ConfigMap"):
        assert (await stage.cluster.list("v1", kind, namespace="demo")).items == ()


async def test_what_helm_leaves_of_its_hooks_goes_too(stage: Stage) -> None:
    def with_hooks(spec: ReleaseSpec) -> Iterable[Object]:
        yield from render(spec)
        yield _hook(f"left-behind-by-{spec.values['replicas']}")
        yield _hook("asked-to-stay", **{"helm.sh/resource-policy": "keep"})

    stage.helm.add_chart(str(stage.folder / "skills" / "demo-setup" / "chart"), with_hooks)
    await stage.run()
    await stage.run("replicas=2")
    target = await request.find_record(stage.world, "demo-setup", None)
    async with lock.hold(stage.world.connect, target.installation, "me", stage.world.clock) as held:
        await removal.remove(stage.world, target, held, purge=False)
    left = (await stage.cluster.list("v1", "ConfigMap", namespace="demo")).items
    names = [obj["metadata"]["name"] for obj in left]
    assert names == ["asked-to-stay", "skill-runner.demo-setup"], "and the record of what is kept"


async def test_a_purge_takes_the_claims_that_helm_leaves(stage: Stage) -> None:
    def with_claim(spec: ReleaseSpec) -> Iterable[Object]:
        yield from render(spec)
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "annotations": {"helm.sh/resource-policy": "keep"}},
            "spec": {"storageClassName": "", "volumeName": "disk"},
        }

    stage.helm.add_chart(str(stage.folder / "skills" / "demo-setup" / "chart"), with_claim)
    claims = ("v1", "PersistentVolumeClaim", "data", "demo")
    stage.cluster.on_apply(
        "PersistentVolumeClaim", lambda cluster, obj: _bind(cluster, Ref.of(obj))
    )
    await stage.run()
    target = await request.find_record(stage.world, "demo-setup", None)
    async with lock.hold(stage.world.connect, target.installation, "me", stage.world.clock) as held:
        done = await removal.remove(stage.world, target, held, purge=True)
    assert str(Ref(*claims)) in done.removed
    with pytest.raises(NotFound):
        await stage.cluster.get(Ref(*claims))


async def test_what_a_killed_run_left_of_its_proof_goes_too(stage: Stage) -> None:
    await stage.run()
    target = await request.find_record(stage.world, "demo-setup", None)
    left = pod_manifest(
        name="demo-proof",
        installation=target.installation,
        image="example.org/a:1",
        command=["true"],
        env={},
        resources=SMALL,
        labels={},
        overrides={},
    )
    await stage.cluster.create(left)
    async with lock.hold(stage.world.connect, target.installation, "me", stage.world.clock) as held:
        await removal.remove(stage.world, target, held, purge=False)
    assert (await stage.cluster.list("v1", "Pod", namespace="demo")).items == ()


def _hook(name: str, **more: str) -> Object:
    annotations = {"helm.sh/hook": "post-install,post-upgrade", **more}
    meta = {"name": name, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


async def test_the_pods_of_what_goes_are_waited_for() -> None:
    cluster = MemoryCluster(FakeClock())
    marks = {"web": {"app": "web"}, "broker": {"strimzi.io/cluster": "bus"}, "other": {"app": "x"}}
    for name, labels in marks.items():
        await cluster.create(_object("v1", "Pod", name, labels=labels))
    selector = {"selector": {"matchLabels": {"app": "web"}}}
    web = await cluster.create({**_object("apps/v1", "Deployment", "web"), "spec": selector})
    gone = Ref("apps/v1", "Deployment", "gone", "default")
    bus = Ref("kafka.strimzi.io/v1", "Kafka", "bus", "default")
    found = await find_pods(cluster, [Ref.of(web), bus, gone])
    assert [each.ref.name for each in found] == ["web", "broker"]
    assert all(each.uid for each in found), "another pod of its name is nothing to wait for"


def _object(api_version: str, kind: str, name: str, **meta: object) -> Object:
    metadata = {"name": name, "namespace": "default", **meta}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


async def _remove(stage: Stage, *, purge: bool = False) -> removal.Removed:
    target = await request.find_record(stage.world, "demo-setup", None)
    async with lock.hold(stage.world.connect, target.installation, "me", stage.world.clock) as held:
        return await removal.remove(stage.world, target, held, purge=purge)


CLAIM = Ref("v1", "PersistentVolumeClaim", "files", "demo")


def _with_claim(stage: Stage) -> None:
    folder = stage.folder / "skills" / "demo-setup"
    step = "  - {id: files, apply: files.yaml}\n"
    (folder / "skill.yaml").write_text(SKILL.replace("steps:\n", f"steps:\n{step}"))
    spec = "{accessModes: [ReadWriteOnce], storageClassName: '', volumeName: disk}"
    text = f"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: files}}\nspec: {spec}\n"
    (folder / "files.yaml").write_text(text)
    stage.cluster.on_apply(
        "PersistentVolumeClaim", lambda cluster, obj: _bind(cluster, Ref.of(obj))
    )


def _bind(cluster: MemoryCluster, ref: Ref) -> None:
    cluster.set_status(ref, phase="Bound")


@pytest.mark.parametrize("purge", [False, True])
async def test_a_claim_of_an_apply_step_is_data(stage: Stage, purge: bool) -> None:
    _with_claim(stage)
    assert (await stage.run()).status == "ready"
    done = await _remove(stage, purge=purge)
    left = (await stage.cluster.list("v1", "PersistentVolumeClaim", namespace="demo")).items
    assert [obj["metadata"]["name"] for obj in left] == ([] if purge else ["files"])
    assert done.kept == ([] if purge else [str(CLAIM)])


async def test_what_is_told_of_kept_data_was_seen_afterwards(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_claim(stage)
    await stage.run()
    uninstall = stage.helm.uninstall

    async def lose(name: str, namespace: str, **how: bool) -> None:
        """Somebody else deletes the claim meanwhile."""
        await stage.cluster.delete(CLAIM)
        await uninstall(name, namespace, **how)

    monkeypatch.setattr(stage.helm, "uninstall", lose)
    done = await _remove(stage)
    assert (done.kept, done.lost) == ([], [str(CLAIM)])


async def test_the_record_says_first_that_it_is_no_longer_whole(stage: Stage) -> None:
    await stage.run()
    stage.helm.fail(HelmError("no"))
    with pytest.raises(HelmError):
        await _remove(stage)
    left = await request.find_record(stage.world, "demo-setup", None)
    assert not left.complete, "dependents must not take half of it for ready"
    await _remove(stage)
    assert await store.read(stage.cluster, left.installation) is None


async def test_a_run_finishes_an_uninstall_that_died_and_installs(stage: Stage) -> None:
    await stage.run()
    secret = await stage.cluster.get(Ref("v1", "Secret", secret_name("app", 1), "demo"))
    await stage.cluster.replace(with_status(secret, "uninstalling", "killed"))
    outcome = await stage.run()
    assert (outcome.status, outcome.exit_code) == ("ready", 0)
    assert any("finished the uninstall of release app" in note for note in outcome.notes)
    found = await stage.helm.get("app", "demo")
    assert found is not None
    assert found.status == "deployed"


async def test_a_namespace_that_goes_slowly_takes_the_lock_of_its_removal_along(
    stage: Stage,
) -> None:
    """The Lease is in the namespace and goes first, by the removal's own doing: nothing is lost."""
    cluster, clock = stage.cluster, stage.cluster.clock
    await stage.run()
    cluster.edit(namespace_ref("demo"), lambda o: o["metadata"].update(finalizers=["slow"]))
    target = await request.find_record(stage.world, "demo-setup", None)
    removing = asyncio.ensure_future(
        remove.remove(stage.world, [target], purge=True, cascade=False)
    )
    at = clock.monotonic()
    while not (await cluster.get(namespace_ref("demo")))["metadata"].get("deletionTimestamp"):
        await clock.sleep(1)
    await clock.sleep(2 * lock.PACE.duration)  # heartbeats find no Lease meanwhile
    assert not removing.done(), removing.result()
    cluster.edit(namespace_ref("demo"), lambda o: o["metadata"].update(finalizers=[]))
    outcome = await removing
    assert (outcome.status, outcome.problem) == ("removed", None)
    assert clock.monotonic() > at + lock.PACE.duration
