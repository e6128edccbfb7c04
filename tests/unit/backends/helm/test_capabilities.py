"""Which cluster `helm template` renders for, and who makes a release's namespace."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.backends.base import ReleaseSpec, Right
from skill_runner.backends.helm import PyHelm
from skill_runner.errors import HelmError
from skill_runner.objects import Object
from skill_runner.testing import MemoryCluster
from tests.unit.backends.helm.test_command import script

CRD: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "monitors.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"kind": "Monitor", "plural": "monitors"},
        "versions": [{"name": "v1", "served": True, "storage": True}],
    },
}


@pytest.fixture
def spec(tmp_path: Path) -> ReleaseSpec:
    (tmp_path / "Chart.yaml").touch()
    return ReleaseSpec(name="app", namespace="shop", chart=str(tmp_path))


async def test_a_chart_is_rendered_for_the_cluster_at_hand(
    tmp_path: Path, spec: ReleaseSpec
) -> None:
    told = tmp_path / "told"
    cluster = MemoryCluster(version="v1.33.4")
    await cluster.create(CRD)
    helm = PyHelm(script(tmp_path, f'cat > /dev/null; printf "%s\\n" "$@" > {told}'), cluster)
    assert await helm.template(spec) == ()
    arguments = told.read_text().splitlines()
    assert "--kube-version=v1.33.4" in arguments
    assert {"--api-versions=example.com/v1", "--api-versions=example.com/v1/Monitor"} <= set(
        arguments
    )
    assert "--api-versions=apps/v1" in arguments


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("may_look", [True, False])
async def test_helm_makes_a_namespace_only_where_there_is_none(
    tmp_path: Path, spec: ReleaseSpec, *, there: bool, may_look: bool
) -> None:
    """With --create-namespace Helm fails for whoever may not create namespaces."""
    told = tmp_path / "told"
    cluster = MemoryCluster()
    if there:
        meta = {"name": spec.namespace}
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    secrets = Right("list", "", "secrets", spec.namespace)
    look = Right("get", "", "namespaces", spec.namespace)
    cluster.grant({secrets, look} if may_look else {secrets})
    helm = PyHelm(script(tmp_path, f'printf "%s\\n" "$@" > {told}; echo "{{}}"'), cluster)
    with pytest.raises((HelmError, KeyError)):  # this helm makes no release
        await helm.install_or_upgrade(spec)
    assert ("--create-namespace" in told.read_text().splitlines()) is (may_look and not there)
