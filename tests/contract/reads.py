"""How every Cluster is read, whether real or in memory.

A subclass gives the fixtures `cluster` and `namespace` (an empty one, removed by the fixture).
"""

from __future__ import annotations

from contextlib import aclosing

import pytest

from skill_runner.backends.base import Cluster, Right
from skill_runner.errors import NotFound
from skill_runner.objects import Object, Ref
from tests.contract.objects import ONLY_OURS, config_map, following, version_of


class ReadContract:
    """Getting, listing and watching by the Cluster Protocol."""

    async def test_says_its_version(self, cluster: Cluster) -> None:
        assert (await cluster.version()).startswith("v1.")

    async def test_get_of_nothing_is_not_found(self, cluster: Cluster, namespace: str) -> None:
        with pytest.raises(NotFound, match="absent"):
            await cluster.get(Ref("v1", "ConfigMap", "absent", namespace))

    async def test_an_unknown_kind_is_not_found(self, cluster: Cluster, namespace: str) -> None:
        with pytest.raises(NotFound, match="Unicorn"):
            await cluster.get(Ref("example.invalid/v1", "Unicorn", "x", namespace))
        with pytest.raises(NotFound, match="Unicorn"):
            await cluster.list("example.invalid/v1", "Unicorn")

    async def test_lists_by_selectors(self, cluster: Cluster, namespace: str) -> None:
        for name, tier in (("a", "front"), ("b", "back"), ("c", "back")):
            manifest = config_map(namespace, name)
            manifest["metadata"]["labels"] = {"tier": tier}
            await cluster.create(manifest)

        async def names(labels: str | None = None, fields: str | None = None) -> list[str]:
            found = await cluster.list(
                "v1", "ConfigMap", namespace=namespace, labels=labels, fields=fields
            )
            assert all(item["kind"] == "ConfigMap" for item in found.items)
            assert all(item["apiVersion"] == "v1" for item in found.items)
            return sorted(item["metadata"]["name"] for item in found.items)

        assert await names("tier=back") == ["b", "c"]
        assert await names("tier") == ["a", "b", "c"]
        assert await names("tier!=back,tier") == ["a"]
        assert await names("tier in (front, back)", "metadata.name=c") == ["c"]
        everywhere = await cluster.list("v1", "ConfigMap", labels="tier=front")
        assert [Ref.of(item) for item in everywhere.items] == [
            Ref("v1", "ConfigMap", "a", namespace)
        ]

    async def test_watch_goes_on_from_a_list(self, cluster: Cluster, namespace: str) -> None:
        await cluster.create(config_map(namespace, "before"))
        listed = await cluster.list("v1", "ConfigMap", namespace=namespace)
        ref = Ref.of(await cluster.create(config_map(namespace, "after")))
        stream = cluster.watch(
            "v1",
            "ConfigMap",
            namespace=namespace,
            labels=ONLY_OURS,
            resource_version=listed.resource_version,
        )
        async with aclosing(stream):
            added = await following(stream)
            assert (added.type, Ref.of(added.object)) == ("ADDED", ref)
            await cluster.replace({**added.object, "data": {"colour": "red"}})
            assert (await following(stream)).type == "MODIFIED"
            await cluster.delete(ref)
            assert (await following(stream)).type == "DELETED"

    async def test_watch_without_a_version_begins_with_what_is_there(
        self, cluster: Cluster, namespace: str
    ) -> None:
        await cluster.create(config_map(namespace, "before"))
        stream = cluster.watch(
            "v1", "ConfigMap", namespace=namespace, fields="metadata.name=before"
        )
        async with aclosing(stream):
            event = await following(stream)
        assert (event.type, event.object["metadata"]["name"]) == ("ADDED", "before")

    async def test_a_watch_with_a_selector_sees_leaving_as_deletion(
        self, cluster: Cluster, namespace: str
    ) -> None:
        manifest = config_map(namespace)
        manifest["metadata"]["labels"] = {"tier": "front"}
        made = await cluster.create(manifest)
        stream = cluster.watch(
            "v1",
            "ConfigMap",
            namespace=namespace,
            labels="tier=front",
            resource_version=version_of(made),
        )
        async with aclosing(stream):
            made["metadata"]["labels"] = {"tier": "back"}
            await cluster.replace(made)
            assert (await following(stream)).type == "DELETED"

    async def test_serves_built_in_and_custom_kinds(self, cluster: Cluster) -> None:
        kinds = {(t.api_version, t.kind): t for t in await cluster.resource_types()}
        assert kinds["v1", "Pod"].plural == "pods"
        assert kinds["v1", "Pod"].namespaced
        assert not kinds["v1", "Namespace"].namespaced
        assert "list" in kinds["apps/v1", "Deployment"].verbs

    async def test_a_list_says_what_it_keeps(self, cluster: Cluster, namespace: str) -> None:
        for name in ("one", "two", "three"):
            await cluster.create(config_map(namespace, name))

        def not_two(obj: Object) -> Object | None:
            return None if obj["metadata"]["name"] == "two" else {"name": obj["metadata"]["name"]}

        found = await cluster.list(
            "v1", "ConfigMap", namespace=namespace, labels=ONLY_OURS, pick=not_two
        )
        assert found.items == ({"name": "one"}, {"name": "three"})
        assert (
            len(
                (
                    await cluster.list(
                        "v1", "ConfigMap", namespace=namespace, labels=ONLY_OURS, most=2
                    )
                ).items
            )
            == 2
        )
        (bare,) = (
            await cluster.list(
                "v1", "ConfigMap", namespace=namespace, labels=ONLY_OURS, most=1, bare=True
            )
        ).items
        assert set(bare) == {"apiVersion", "kind", "metadata"}
        assert (bare["kind"], bare["metadata"]["name"]) == ("ConfigMap", "one")

    async def test_one_kind_is_found(self, cluster: Cluster) -> None:
        assert (await cluster.resource_type("apps/v1", "Deployment")).plural == "deployments"
        with pytest.raises(NotFound):
            await cluster.resource_type("example.com/v1", "Nothing")

    async def test_we_may(self, cluster: Cluster, namespace: str) -> None:
        rights = [
            Right("create", "apps", "deployments", namespace),
            Right("create", "", "pods/exec", namespace),
            Right("list", "", "namespaces"),
            Right("get", "", "configmaps", namespace, "one"),
        ]
        assert await cluster.denied(rights) == ()
        assert await cluster.denied([]) == ()

    async def test_logs_of_no_pod_are_not_found(self, cluster: Cluster, namespace: str) -> None:
        with pytest.raises(NotFound):
            await cluster.logs(namespace, "absent", "main")

    async def test_no_port_of_no_pod(self, cluster: Cluster, namespace: str) -> None:
        with pytest.raises(NotFound):
            async with cluster.port_forward(namespace, "absent", 80):
                pass
