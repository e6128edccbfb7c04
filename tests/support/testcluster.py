"""The one cluster of a test session: the embedded one, or the one that SKILL_TEST_CONTEXT names."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from skill_runner import clusters
from skill_runner.clusters.base import UpOptions
from skill_runner.clusters.kubeconfigs import user_kubeconfig
from tests.support.reaper import reaped


@dataclass(frozen=True, slots=True)
class TestCluster:
    """Where the tests run. `name`, `audit_log` and `provider` are known for clusters of ours."""

    __test__ = False

    kubeconfig: Path
    context: str
    provider: str = ""
    name: str = ""
    audit_log: Path | None = None

    def load(self, archive: Path) -> None:
        """Put an image archive into the cluster."""
        if not self.provider:
            pytest.skip(f"no images can be loaded into context {self.context}")
        asyncio.run(clusters.provider(self.provider).load(self.name, archive))


@contextmanager
def running_test_cluster() -> Iterator[TestCluster]:
    """One cluster for the whole session. Also names it in SKILL_TEST_KUBECONFIG."""
    context = os.environ.get("SKILL_TEST_CONTEXT")
    if context:
        yield _named(context)
        return
    if os.geteuid() != 0:
        pytest.skip("no root for the embedded cluster, and no SKILL_TEST_CONTEXT")
    embedded = clusters.provider("embedded")
    name = f"test-{secrets.token_hex(3)}"
    with reaped(name), pytest.MonkeyPatch.context() as patch:
        info = asyncio.run(embedded.up(UpOptions(name=name)))
        assert info.kubeconfig is not None
        patch.setenv("SKILL_TEST_KUBECONFIG", str(info.kubeconfig))
        yield TestCluster(info.kubeconfig, info.context, info.provider, info.name, info.audit_log)


def _named(context: str) -> TestCluster:
    kubeconfig = Path(os.environ.get("SKILL_TEST_KUBECONFIG") or user_kubeconfig())
    for provider in os.environ.get("SKILL_TEST_PROVIDER", "embedded,kind,minikube").split(","):
        name = context.removeprefix("kind-") if provider == "kind" else context
        if provider == "embedded" and (info := clusters.find(context)):
            assert info.kubeconfig is not None
            return TestCluster(info.kubeconfig, context, provider, name, info.audit_log)
        if provider == "kind" and context.startswith("kind-"):
            return TestCluster(kubeconfig, context, provider, name)
        if provider == "minikube" and context == "minikube":
            return TestCluster(kubeconfig, context, provider, name)
    return TestCluster(kubeconfig, context)
