"""What every Cluster and every Helm does, whether real or in memory.

A subclass gives the fixtures `cluster`, `namespace` (an empty one, removed by the fixture) and,
for Helm, `helm` and `chart` (a reference to a chart that renders ConfigMap `settings` with data
`colour` from the value of that name, ConfigMap `extra` while the value `extra` is true, and a
hook ConfigMap `told` before install and upgrade).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from skill_runner.backends.base import Cluster, Helm, ReleaseSpec, Right, WatchEvent
from skill_runner.backends.helm.storage import Releases, secret_name, with_status
from skill_runner.errors import (
    ApiError,
    ChartError,
    Conflict,
    HelmError,
    NotFound,
    ReleaseLocked,
)
from skill_runner.objects import Object, Ref

# Clusters put ConfigMaps of their own into every namespace.
OURS = {"made-by": "contract"}
ONLY_OURS = "made-by=contract"


def config_map(namespace: str, name: str = "settings", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(OURS)},
        "data": data,
    }


def deployment(namespace: str, *, replicas: int = 0, image: str = "app:1") -> Object:
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    }


def version_of(obj: Object) -> str:
    version: str = obj["metadata"]["resourceVersion"]
    return version


async def following(stream: AsyncIterator[WatchEvent]) -> WatchEvent:
    """The next event that is no bookmark."""
    async with asyncio.timeout(30):
        async for event in stream:
            if event.type != "BOOKMARK":
                return event
    raise AssertionError("the watch ended")


class ClusterContract:
    """The Cluster Protocol."""

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


async def served(cluster: Cluster, api_version: str, kind: str) -> None:
    """Until the cluster serves a kind; a look at a time, the server's own answers pace it."""
    async with asyncio.timeout(30):
        while True:
            try:
                await cluster.list(api_version, kind)
            except NotFound:
                await asyncio.sleep(0.05)
            else:
                return


class HelmContract:
    """The Helm Protocol."""

    def spec(self, chart: str, namespace: str, **values: Any) -> ReleaseSpec:
        return ReleaseSpec(
            name="demo",
            namespace=namespace,
            chart=chart,
            values=values,
            labels={"skill-runner.dev/digest": "abc"},
        )

    async def test_says_its_version(self, helm: Helm) -> None:
        assert (await helm.version()).startswith("v")

    async def test_nothing_is_none(self, helm: Helm, namespace: str) -> None:
        assert await helm.get("demo", namespace) is None
        assert await helm.history("demo", namespace) == ()
        assert await helm.list(namespace) == ()
        assert await helm.manifest("demo", namespace) == ()
        await helm.uninstall("demo", namespace)

    async def test_renders(self, helm: Helm, namespace: str, chart: str) -> None:
        rendered = await helm.template(self.spec(chart, namespace, colour="red"))
        names = {obj["metadata"]["name"]: obj for obj in rendered}
        assert set(names) == {"settings", "told"}
        assert names["settings"]["data"] == {"colour": "red"}
        assert await helm.get("demo", namespace) is None

    async def test_installs_and_upgrades(
        self, helm: Helm, cluster: Cluster, namespace: str, chart: str
    ) -> None:
        first = await helm.install_or_upgrade(self.spec(chart, namespace, colour="red", extra=True))
        assert (first.name, first.namespace, first.revision) == ("demo", namespace, 1)
        assert first.status == "deployed"
        assert first.labels == {"skill-runner.dev/digest": "abc"}
        assert (first.chart, first.chart_version) == ("sample", "0.1.0")
        assert {obj["metadata"]["name"] for obj in await helm.manifest("demo", namespace)} == {
            "settings",
            "extra",
        }
        assert [obj["metadata"]["name"] for obj in await helm.hooks("demo", namespace)] == ["told"]

        second = await helm.install_or_upgrade(self.spec(chart, namespace, colour="blue"))
        assert (second.revision, second.status) == (2, "deployed")
        assert await helm.get("demo", namespace) == second
        assert await helm.list(namespace) == (second,)
        every = await helm.hooks("demo", namespace, every=True)
        assert [obj["metadata"]["name"] for obj in every] == ["told"]
        history = await helm.history("demo", namespace)
        assert [(r.revision, r.status) for r in history] == [(1, "superseded"), (2, "deployed")]
        settings = await cluster.get(Ref("v1", "ConfigMap", "settings", namespace))
        assert settings["data"] == {"colour": "blue"}
        with pytest.raises(NotFound):
            await cluster.get(Ref("v1", "ConfigMap", "extra", namespace))

    async def test_makes_the_namespace(
        self, helm: Helm, cluster: Cluster, namespace: str, chart: str
    ) -> None:
        await cluster.delete(Ref("v1", "Namespace", namespace))
        await gone(cluster, Ref("v1", "Namespace", namespace))
        release = await helm.install_or_upgrade(self.spec(chart, namespace, colour="red"))
        assert release.status == "deployed"

    async def test_rolls_back(
        self, helm: Helm, cluster: Cluster, namespace: str, chart: str
    ) -> None:
        await helm.install_or_upgrade(self.spec(chart, namespace, colour="red"))
        await helm.install_or_upgrade(self.spec(chart, namespace, colour="blue"))
        back = await helm.rollback("demo", namespace, 1)
        assert (back.revision, back.status) == (3, "deployed")
        settings = await cluster.get(Ref("v1", "ConfigMap", "settings", namespace))
        assert settings["data"] == {"colour": "red"}

    async def test_rolling_back_nothing_fails(self, helm: Helm, namespace: str) -> None:
        with pytest.raises(HelmError, match="not found"):
            await helm.rollback("demo", namespace, 1)

    async def test_uninstalls(
        self, helm: Helm, cluster: Cluster, namespace: str, chart: str
    ) -> None:
        await helm.install_or_upgrade(self.spec(chart, namespace, colour="red"))
        await helm.uninstall("demo", namespace)
        assert await helm.history("demo", namespace) == ()
        with pytest.raises(NotFound):
            await cluster.get(Ref("v1", "ConfigMap", "settings", namespace))

    async def test_an_uninstalled_release_keeps_its_history_if_asked(
        self, helm: Helm, cluster: Cluster, namespace: str, chart: str
    ) -> None:
        await helm.install_or_upgrade(self.spec(chart, namespace, colour="red"))
        await helm.uninstall("demo", namespace, keep_history=True)
        left = await helm.get("demo", namespace)
        assert left is not None
        assert left.status == "uninstalled"
        assert "settings" in {m["metadata"]["name"] for m in await helm.manifest("demo", namespace)}
        await gone(cluster, Ref("v1", "ConfigMap", "settings", namespace))
        again = await helm.install_or_upgrade(self.spec(chart, namespace, colour="blue"))
        assert (again.revision, again.status) == (2, "deployed")
        await helm.uninstall("demo", namespace, keep_history=True)
        await helm.uninstall("demo", namespace)
        assert await helm.get("demo", namespace) is None

    async def test_an_uninstall_that_died_blocks_upgrades_and_is_finished_by_another(
        self, helm: Helm, cluster: Cluster, namespace: str, chart: str
    ) -> None:
        await helm.install_or_upgrade(self.spec(chart, namespace, colour="red"))
        secret = await cluster.get(Ref("v1", "Secret", secret_name("demo", 1), namespace))
        await cluster.replace(with_status(secret, "uninstalling", "killed"))
        with pytest.raises(HelmError, match="has no deployed releases"):
            await helm.install_or_upgrade(self.spec(chart, namespace, colour="blue"))
        await helm.uninstall("demo", namespace)
        assert await helm.get("demo", namespace) is None
        await gone(cluster, Ref("v1", "ConfigMap", "settings", namespace))

    async def test_takes_over_and_uninstalls_only_what_is_marked_as_its_own(
        self, helm: Helm, cluster: Cluster, namespace: str, chart: str
    ) -> None:
        await helm.install_or_upgrade(self.spec(chart, namespace, colour="red"))
        ref = Ref("v1", "ConfigMap", "settings", namespace)
        live = await cluster.get(ref)
        marks = live["metadata"]["annotations"]
        del marks["meta.helm.sh/release-name"]
        await cluster.replace(live)
        await helm.uninstall("demo", namespace)
        assert await cluster.get(ref)
        with pytest.raises(HelmError, match="cannot be imported"):
            await helm.install_or_upgrade(self.spec(chart, namespace, colour="red"))
        marks["meta.helm.sh/release-name"] = "demo"
        live = await cluster.get(ref)
        await cluster.replace({**live, "metadata": {**live["metadata"], "annotations": marks}})
        assert await helm.install_or_upgrade(self.spec(chart, namespace, colour="red"))

    async def test_reads_the_manifests_of_every_revision(
        self, helm: Helm, namespace: str, chart: str
    ) -> None:
        await helm.install_or_upgrade(self.spec(chart, namespace, colour="red", extra=True))
        await helm.install_or_upgrade(self.spec(chart, namespace, colour="blue"))
        newest = [m["metadata"]["name"] for m in await helm.manifest("demo", namespace)]
        every = await helm.manifest("demo", namespace, every=True)
        assert "extra" not in newest
        assert sorted(m["metadata"]["name"] for m in every) == sorted([*newest, "extra"])
        settings = next(m for m in every if m["metadata"]["name"] == "settings")
        assert settings["data"] == {"colour": "blue"}

    async def test_a_missing_chart_is_a_chart_error(self, helm: Helm, namespace: str) -> None:
        spec = self.spec("/no/such/chart", namespace)
        with pytest.raises(ChartError, match="/no/such/chart"):
            await helm.install_or_upgrade(spec)
        with pytest.raises(ChartError, match="/no/such/chart"):
            await helm.template(spec)

    async def test_a_chart_that_does_not_render_is_a_chart_error(
        self, helm: Helm, namespace: str, chart: str
    ) -> None:
        with pytest.raises(ChartError, match="colour is needed"):
            await helm.install_or_upgrade(self.spec(chart, namespace))
        assert await helm.get("demo", namespace) is None

    async def test_a_pending_release_is_locked_until_marked_failed(
        self, helm: Helm, cluster: Cluster, namespace: str, chart: str
    ) -> None:
        await helm.install_or_upgrade(self.spec(chart, namespace, colour="red"))
        secret = await cluster.get(Ref("v1", "Secret", secret_name("demo", 1), namespace))
        await cluster.replace(with_status(secret, "pending-install", "killed"))
        with pytest.raises(ReleaseLocked, match="demo"):
            await helm.install_or_upgrade(self.spec(chart, namespace, colour="blue"))

        await helm.mark_failed("demo", namespace, 1)
        marked = await helm.get("demo", namespace)
        assert marked is not None
        assert (marked.revision, marked.status) == (1, "failed")
        await cluster.get(Ref("v1", "ConfigMap", "settings", namespace))
        after = await helm.install_or_upgrade(self.spec(chart, namespace, colour="blue"))
        assert (after.revision, after.status) == (2, "deployed")

    async def test_only_pending_revisions_are_marked(
        self, helm: Helm, namespace: str, chart: str
    ) -> None:
        await helm.install_or_upgrade(self.spec(chart, namespace, colour="red"))
        with pytest.raises(HelmError, match="deployed"):
            await helm.mark_failed("demo", namespace, 1)
        with pytest.raises(HelmError, match="no revision 7"):
            await helm.mark_failed("demo", namespace, 7)

    async def test_reads_what_helm_wrote(
        self, helm: Helm, cluster: Cluster, namespace: str, chart: str
    ) -> None:
        release = await helm.install_or_upgrade(self.spec(chart, namespace, colour="red"))
        assert await Releases(cluster).get("demo", namespace) == release


async def gone(cluster: Cluster, ref: Ref) -> None:
    """Until an object is gone, by a watch."""
    async with asyncio.timeout(60):
        stream = cluster.watch(ref.api_version, ref.kind, fields=f"metadata.name={ref.name}")
        try:
            await cluster.get(ref)
        except NotFound:
            return
        async with aclosing(stream):
            async for event in stream:
                if event.type == "DELETED":
                    return
