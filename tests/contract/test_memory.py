"""The fakes keep the contract of the real backends."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from skill_runner.backends.base import Cluster, Helm, ReleaseSpec
from skill_runner.objects import Object
from skill_runner.testing import FakeClock, MemoryCluster, MemoryHelm
from tests.contract.helm import HelmContract
from tests.contract.reads import ReadContract
from tests.contract.writes import WriteContract


@pytest.fixture
def memory() -> MemoryCluster:
    return MemoryCluster(FakeClock())


@pytest.fixture
def cluster(memory: MemoryCluster) -> Cluster:
    return memory


@pytest.fixture
def namespace(memory: MemoryCluster) -> str:
    memory.store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}})
    return "test"


@pytest.fixture
def crd() -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.invalid"},
        "spec": {
            "group": "example.invalid",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1"}],
        },
    }


class TestMemoryCluster(ReadContract, WriteContract):
    pass


def sample(spec: ReleaseSpec) -> Iterable[Object]:
    if "colour" not in spec.values:
        raise ValueError("colour is needed")
    yield _config_map("settings", {"colour": spec.values["colour"]})
    if spec.values.get("extra"):
        yield _config_map("extra", {})
    told = _config_map("told", {})
    told["metadata"]["annotations"] = {"helm.sh/hook": "pre-install,pre-upgrade"}
    yield told


def _config_map(name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


class TestMemoryHelm(HelmContract):
    @pytest.fixture
    def chart(self) -> str:
        return "charts/sample"

    @pytest.fixture
    def helm(self, memory: MemoryCluster, chart: str) -> Helm:
        helm = MemoryHelm(memory)
        helm.add_chart(chart, sample)
        return helm
