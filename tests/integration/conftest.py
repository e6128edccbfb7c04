"""One real cluster for all tests below, and a namespace of its own for each test that wants one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.testcluster import TestCluster, running_test_cluster
from tests.support.testimage import busybox_archive


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="package")
def test_cluster() -> Iterator[TestCluster]:
    with running_test_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="package", autouse=True)
def _cluster_for_all(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("test_cluster")


@pytest.fixture(scope="session")
def busybox_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("image") / "busybox.tar"
    file.write_bytes(busybox_archive())
    return file


@pytest.fixture(scope="package")
def busybox(test_cluster: TestCluster, busybox_file: Path) -> None:
    """The test image is in the cluster."""
    test_cluster.load(busybox_file)
