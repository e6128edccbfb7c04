"""One connection for all scenarios, and the images they need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from skill_runner import binaries
from skill_runner.backends.base import Cluster
from skill_runner.backends.kube import connect
from skill_runner.backends.kube.transport import Transport, open_transport
from tests.integration.faults.image import wrong_arch_archive
from tests.support.testcluster import TestCluster


@pytest.fixture(scope="package")
def images(
    test_cluster: TestCluster, busybox: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("image") / "arch.tar"
    file.write_bytes(wrong_arch_archive())
    test_cluster.load(file)


@pytest.fixture(scope="session")
def helm() -> str:
    """The path of the pinned helm."""
    return str(asyncio.run(binaries.ensure("helm")))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(test_cluster: TestCluster) -> AsyncIterator[Cluster]:
    made = await connect(str(test_cluster.kubeconfig), test_cluster.context)
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transport(cluster: Cluster) -> AsyncIterator[Transport]:
    made = await open_transport(cluster.target, asyncio.sleep)
    yield made
    await made.close()
