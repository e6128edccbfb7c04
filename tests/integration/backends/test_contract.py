"""The real backends keep the contract."""

from __future__ import annotations

import pytest

from skill_runner.backends.base import Cluster, Helm
from skill_runner.backends.helm import PyHelm
from tests.contract.helm import HelmContract
from tests.contract.reads import ReadContract
from tests.contract.writes import WriteContract
from tests.support.paths import SAMPLE_CHART


class TestKubeCluster(ReadContract, WriteContract):
    pass


class TestPyHelm(HelmContract):
    @pytest.fixture
    def chart(self) -> str:
        return str(SAMPLE_CHART)

    @pytest.fixture
    def helm(self, cluster: Cluster, helm_binary: str) -> Helm:
        return PyHelm(helm_binary, cluster)
