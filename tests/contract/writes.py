"""How every Cluster is changed, whether real or in memory.

A subclass gives the fixtures `cluster` and `namespace` (an empty one, removed by the fixture).
"""

from __future__ import annotations

from contextlib import aclosing

import pytest

from skill_runner.backends.base import Cluster
from skill_runner.errors import (
    ApiError,
    Conflict,
    NotFound,
)
from skill_runner.objects import Object, Ref
from tests.contract.objects import ONLY_OURS, config_map, deployment, following, served, version_of


class WriteContract:
    """Creating, applying, replacing and deleting by the Cluster Protocol."""

    async def test_apply_makes_and_changes(self, cluster: Cluster, namespace: str) -> None:
        made = await cluster.apply(config_map(namespace, colour="red", size="big"))
        assert made["metadata"]["uid"]
        changed = await cluster.apply(config_map(namespace, colour="blue"))
        assert changed["data"] == {"colour": "blue"}
        assert changed["metadata"]["uid"] == made["metadata"]["uid"]
        assert version_of(changed) != version_of(made)
        assert (await cluster.get(Ref.of(made)))["data"] == {"colour": "blue"}

    async def test_an_identical_apply_writes_nothing(
        self, cluster: Cluster, namespace: str
    ) -> None:
        first = await cluster.apply(deployment(namespace))
        second = await cluster.apply(deployment(namespace))
        assert second["metadata"]["generation"] == first["metadata"]["generation"] == 1

    async def test_an_identical_apply_keeps_the_version(
        self, cluster: Cluster, namespace: str
    ) -> None:
        first = await cluster.apply(config_map(namespace, colour="red"))
        second = await cluster.apply(config_map(namespace, colour="red"))
        assert version_of(second) == version_of(first)

    async def test_a_changed_spec_is_a_new_generation(
        self, cluster: Cluster, namespace: str
    ) -> None:
        await cluster.apply(deployment(namespace))
        changed = await cluster.apply(deployment(namespace, image="app:2"))
        assert changed["metadata"]["generation"] == 2
        containers = changed["spec"]["template"]["spec"]["containers"]
        assert [c["image"] for c in containers] == ["app:2"]

    async def test_a_dry_run_changes_nothing(self, cluster: Cluster, namespace: str) -> None:
        ref = Ref.of(config_map(namespace))
        await cluster.apply(config_map(namespace, colour="red"), dry_run=True)
        with pytest.raises(NotFound):
            await cluster.get(ref)
        made = await cluster.apply(config_map(namespace, colour="red"))
        seen = await cluster.apply(config_map(namespace, colour="blue"), dry_run=True)
        assert seen["data"] == {"colour": "blue"}
        assert version_of(await cluster.get(ref)) == version_of(made)

    async def test_apply_respects_other_owners(self, cluster: Cluster, namespace: str) -> None:
        made = await cluster.create(config_map(namespace, colour="red", size="big"))
        with pytest.raises(Conflict, match="colour"):
            await cluster.apply(config_map(namespace, colour="blue"))
        forced = await cluster.apply(config_map(namespace, colour="blue"), force=True)
        assert forced["data"] == {"colour": "blue", "size": "big"}
        assert forced["metadata"]["uid"] == made["metadata"]["uid"]

    async def test_create_refuses_what_is_there(self, cluster: Cluster, namespace: str) -> None:
        await cluster.create(config_map(namespace), dry_run=True)
        await cluster.create(config_map(namespace))
        with pytest.raises(Conflict, match="exists"):
            await cluster.create(config_map(namespace))

    async def test_create_needs_its_namespace(self, cluster: Cluster) -> None:
        with pytest.raises(NotFound, match="no-such-namespace"):
            await cluster.create(config_map("no-such-namespace"))

    async def test_a_manifest_without_a_namespace_is_refused(self, cluster: Cluster) -> None:
        manifest = config_map("")
        del manifest["metadata"]["namespace"]
        with pytest.raises(ApiError, match="namespace"):
            await cluster.apply(manifest)

    async def test_replace_needs_the_newest_version(self, cluster: Cluster, namespace: str) -> None:
        old = await cluster.create(config_map(namespace, colour="red"))
        new = await cluster.replace({**old, "data": {"colour": "green"}})
        assert new["data"] == {"colour": "green"}
        with pytest.raises(Conflict):
            await cluster.replace({**old, "data": {"colour": "blue"}})

    async def test_delete_is_idempotent(self, cluster: Cluster, namespace: str) -> None:
        ref = Ref.of(await cluster.create(config_map(namespace)))
        await cluster.delete(ref)
        await cluster.delete(ref)
        with pytest.raises(NotFound):
            await cluster.get(ref)

    async def test_delete_has_preconditions(self, cluster: Cluster, namespace: str) -> None:
        old = await cluster.create(config_map(namespace, colour="red"))
        ref, uid = Ref.of(old), old["metadata"]["uid"]
        await cluster.delete(ref, uid="00000000-0000-4000-8000-ffffffffffff")
        new = await cluster.replace({**old, "data": {}})
        with pytest.raises(Conflict):
            await cluster.delete(ref, uid=uid, resource_version=version_of(old))
        await cluster.get(ref)
        await cluster.delete(ref, uid=uid, resource_version=version_of(new))
        with pytest.raises(NotFound):
            await cluster.get(ref)

    async def test_an_apply_may_be_bound_to_a_uid(self, cluster: Cluster, namespace: str) -> None:
        made = await cluster.apply(config_map(namespace, colour="red"))

        def wanted(uid: str) -> Object:
            manifest = config_map(namespace, colour="blue")
            manifest["metadata"]["uid"] = uid
            return manifest

        for force in (False, True):
            with pytest.raises(Conflict):
                await cluster.apply(wanted("00000000-0000-4000-8000-ffffffffffff"), force=force)
        changed = await cluster.apply(wanted(made["metadata"]["uid"]))
        assert changed["data"] == {"colour": "blue"}
        await cluster.delete(Ref.of(made))
        with pytest.raises(Conflict):
            await cluster.apply(wanted(made["metadata"]["uid"]))

    async def test_finalizers_keep_an_object(self, cluster: Cluster, namespace: str) -> None:
        manifest = config_map(namespace)
        manifest["metadata"]["finalizers"] = ["example.invalid/stay"]
        ref = Ref.of(await cluster.create(manifest))
        await cluster.delete(ref)
        left = await cluster.get(ref)
        assert left["metadata"]["deletionTimestamp"]
        left["metadata"]["finalizers"] = []
        await cluster.replace(left)
        with pytest.raises(NotFound):
            await cluster.get(ref)

    async def test_a_new_kind_is_found(self, cluster: Cluster, namespace: str, crd: Object) -> None:
        await cluster.resource_types()  # from before the kind
        await cluster.apply(crd)
        group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
        manifest = {
            "apiVersion": f"{group}/v1",
            "kind": kind,
            "metadata": {"name": "one", "namespace": namespace},
            "spec": {"size": 1},
        }
        await served(cluster, f"{group}/v1", kind)
        made = await cluster.apply(manifest)
        assert made["metadata"]["generation"] == 1
        assert Ref.of(await cluster.get(Ref.of(made))) == Ref.of(made)
        await cluster.delete(Ref.of(crd))

    async def test_owned_objects_go_with_their_owner(
        self, cluster: Cluster, namespace: str
    ) -> None:
        owner = await cluster.create(config_map(namespace, "owner"))
        manifest = config_map(namespace, "owned")
        manifest["metadata"]["ownerReferences"] = [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": "owner",
                "uid": owner["metadata"]["uid"],
            }
        ]
        owned = await cluster.create(manifest)
        stream = cluster.watch(
            "v1",
            "ConfigMap",
            namespace=namespace,
            labels=ONLY_OURS,
            resource_version=version_of(owned),
        )
        async with aclosing(stream):
            await cluster.delete(Ref.of(owner))
            gone = {(await following(stream)).object["metadata"]["name"] for _ in range(2)}
        assert gone == {"owner", "owned"}
