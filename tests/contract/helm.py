"""What every Helm does, whether real or in memory.

A subclass gives the fixtures `cluster`, `namespace` (an empty one, removed by the fixture), `helm`
and `chart` (a reference to a chart that renders ConfigMap `settings` with data `colour` from the
value of that name, ConfigMap `extra` while the value `extra` is true, and a hook ConfigMap `told`
before install and upgrade)."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.backends.base import Cluster, Helm, ReleaseSpec
from skill_runner.backends.helm.storage import Releases, secret_name, with_status
from skill_runner.errors import (
    ChartError,
    HelmError,
    NotFound,
    ReleaseLocked,
)
from skill_runner.objects import Ref
from tests.contract.objects import gone


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
