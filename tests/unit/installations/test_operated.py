"""What an operator made and keeps, when the resource that asked for it is removed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from skill_runner.actions import request
from skill_runner.errors import ApiError, NotReadyInTime
from skill_runner.installations import lock, removal
from skill_runner.objects import Object, Ref
from skill_runner.testing import MemoryCluster
from tests.support.definitions import definition
from tests.support.session import SKILL, Stage

STEP = "  - {id: database, apply: database.yaml}\n"
DATABASE = """
apiVersion: example.org/v1
kind: Database
metadata:
  name: db
  annotations: {skill-runner.dev/annotate-to-keep-data: '{"example.org/managed": "false"}'}
spec: {}
"""
DEFINITION = definition("example.org", "Database")
RESOURCE = Ref("example.org/v1", "Database", "db", "demo")
CLAIM = Ref("v1", "PersistentVolumeClaim", "db-1", "demo")
FREE = Ref("v1", "PersistentVolumeClaim", "data-db-1", "demo")
SERVICE = Ref("v1", "Service", "db-rw", "demo")
FINALIZER = "example.org/operator"


async def operate(cluster: MemoryCluster, obj: Object) -> None:
    """As an operator: a claim and a Service of its own, then a word that all is well."""
    meta = obj["metadata"]
    if meta.get("deletionTimestamp"):
        return
    owner = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": "db", "uid": meta["uid"]}
    for ref in (CLAIM, SERVICE):
        await cluster.apply(
            {
                "apiVersion": ref.api_version,
                "kind": ref.kind,
                "metadata": {"name": ref.name, "namespace": "demo", "ownerReferences": [owner]},
            }
        )
    cluster.set_status(Ref.of(obj), conditions=[{"type": "Ready", "status": "True"}])


@pytest.fixture
async def operated(stage: Stage) -> Stage:
    folder = stage.folder / "skills" / "demo-setup"
    (folder / "skill.yaml").write_text(SKILL.replace("steps:\n", f"steps:\n{STEP}"))
    (folder / "database.yaml").write_text(DATABASE)
    await stage.cluster.create(DEFINITION)
    stage.cluster.on_apply("Database", operate)
    await stage.run()
    return stage


async def remove(stage: Stage, *, purge: bool, timeout: float = 300.0) -> removal.Removed:
    target = await request.find_record(stage.world, "demo-setup", None)
    async with lock.hold(stage.world.connect, target.installation, "me", stage.world.clock) as held:
        return await removal.remove(stage.world, target, held, purge=purge, timeout=timeout)


async def standing(stage: Stage, *refs: Ref) -> list[Ref]:
    found = []
    for ref in refs:
        listed = await stage.cluster.list(ref.api_version, ref.kind, namespace="demo")
        found += [ref for o in listed.items if o["metadata"]["name"] == ref.name]
    return found


@pytest.mark.parametrize(("maker", "is_ours"), [("db-operator", True), ("someone", False)])
async def test_an_operators_claim_without_an_owner_is_known_by_its_pod(
    operated: Stage, maker: str, is_ours: bool
) -> None:
    """As Strimzi's, whose brokers' claims nothing owns; a user's own claim is left alone."""
    cluster, made = operated.cluster, await operated.cluster.get(RESOURCE)
    labels = {"app.kubernetes.io/instance": "db", "app.kubernetes.io/managed-by": "db-operator"}
    owner = {
        "apiVersion": RESOURCE.api_version,
        "kind": RESOURCE.kind,
        "name": RESOURCE.name,
        "uid": made["metadata"]["uid"],
    }
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": FREE.name}}
    await cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "spec": {"containers": [], "volumes": [volume]},
            "metadata": {
                "name": "db-1",
                "namespace": "demo",
                "labels": labels,
                "ownerReferences": [owner],
            },
        }
    )
    others = {**labels, "app.kubernetes.io/managed-by": maker}
    claim = {"name": FREE.name, "namespace": "demo", "labels": others}
    await cluster.create({"apiVersion": "v1", "kind": FREE.kind, "metadata": claim})
    assert (str(FREE) in (await remove(operated, purge=False)).kept) == is_ours
    await operated.run()
    assert (str(FREE) in (await remove(operated, purge=True)).removed) == is_ours
    assert await standing(operated, FREE) == ([] if is_ours else [FREE])


async def test_the_volumes_of_an_operator_stay_without_the_rest(operated: Stage) -> None:
    done = await remove(operated, purge=False)
    assert await standing(operated, RESOURCE, SERVICE, CLAIM) == [CLAIM]
    assert not (await operated.cluster.get(CLAIM))["metadata"].get("ownerReferences")
    assert str(CLAIM) in done.kept


async def test_with_purge_the_volumes_go_too(operated: Stage) -> None:
    done = await remove(operated, purge=True)
    assert await standing(operated, RESOURCE, SERVICE, CLAIM) == []
    assert not done.kept


async def set_finalizer(stage: Stage, *finalizers: str) -> None:
    live = await stage.cluster.get(RESOURCE)
    meta = {**live["metadata"], "finalizers": list(finalizers)}
    await stage.cluster.replace({**live, "metadata": meta})


async def test_a_finalizer_that_nobody_serves_is_named(operated: Stage) -> None:
    await set_finalizer(operated, FINALIZER)
    with pytest.raises(NotReadyInTime, match=f"held by finalizer {FINALIZER}"):
        await remove(operated, purge=True, timeout=5)


@pytest.mark.parametrize("purge", [True, False])
async def test_an_operator_sees_whether_its_data_stays_before_what_it_needs_goes(
    operated: Stage, purge: bool
) -> None:
    """Its finalizer is served here; the Deployment of the release must still stand then."""
    await set_finalizer(operated, FINALIZER)
    await operated.cluster.delete(CLAIM)
    seen: dict[str, Any] = {}

    async def serve() -> None:
        async for event in operated.cluster.watch("example.org/v1", "Database", namespace="demo"):
            meta = event.object["metadata"]
            if event.type == "MODIFIED" and meta.get("deletionTimestamp"):
                seen.update(meta["annotations"])
                listed = await operated.cluster.list("apps/v1", "Deployment", namespace="demo")
                seen["deployments"] = len(listed.items)
                await set_finalizer(operated)
                return

    serving = asyncio.ensure_future(serve())
    await remove(operated, purge=purge)
    await serving
    assert seen.get("example.org/managed") == (None if purge else "false")
    assert seen["deployments"] == 1


async def test_a_removal_that_died_in_between_is_finished(operated: Stage) -> None:
    """After the resource, before what it owned: the record names it."""
    target = await request.find_record(operated.world, "demo-setup", None)
    delete = operated.cluster.delete

    async def dies(ref: Ref, **how: Any) -> None:
        if ref == SERVICE:
            raise asyncio.CancelledError
        await delete(ref, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operated.cluster, "delete", dies)
        with pytest.raises(asyncio.CancelledError):
            await remove(operated, purge=False)
    assert await standing(operated, RESOURCE, SERVICE, CLAIM) == [SERVICE, CLAIM]
    assert SERVICE not in target.objects
    await remove(operated, purge=False)
    assert await standing(operated, RESOURCE, SERVICE, CLAIM) == [CLAIM]


async def test_nothing_is_deleted_where_it_is_not_known_what_goes_with_it(operated: Stage) -> None:
    """An API that fails for one kind would leave orphans of that kind."""
    operated.cluster.fail("list", ApiError("etcd is away", status=500), kind="NetworkPolicy")
    with pytest.raises(ApiError, match="etcd is away"):
        await remove(operated, purge=False)
    assert await standing(operated, RESOURCE, SERVICE, CLAIM) == [RESOURCE, SERVICE, CLAIM]
    operated.cluster.heal()
    await remove(operated, purge=False)
    assert await standing(operated, RESOURCE, SERVICE, CLAIM) == [CLAIM]


async def test_kinds_that_may_not_be_listed_are_named(operated: Stage) -> None:
    operated.cluster.deny("list", "NetworkPolicy")
    done = await remove(operated, purge=False)
    assert any("listing their kinds is forbidden: NetworkPolicy" in note for note in done.notes)
