"""The real backends keep the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.backends.base import Cluster, Helm
from skill_runner.backends.helm import PyHelm
from tests import backends
from tests.backends.contract import ClusterContract, HelmContract


class TestKubeCluster(ClusterContract):
    pass


class TestPyHelm(HelmContract):
    @pytest.fixture
    def chart(self) -> str:
        return str(Path(backends.__file__).parent / "sample_chart")

    @pytest.fixture
    def helm(self, cluster: Cluster, helm_binary: str) -> Helm:
        return PyHelm(helm_binary, cluster)
