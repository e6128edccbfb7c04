"""The `skill` command on the session's cluster, with one tiny skill in its library."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from skill_runner.backends.base import Cluster
from skill_runner.backends.kube import connect
from skill_runner.errors import NotFound
from skill_runner.objects import Object, Ref
from tests.support.driver import Driver
from tests.support.paths import TINY
from tests.support.testcluster import TestCluster

T = TypeVar("T")


@pytest.fixture(scope="module")
def driver(
    test_cluster: TestCluster, busybox: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Driver]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKILL_PATH", str(TINY))
        yield Driver(
            test_cluster.kubeconfig,
            test_cluster.context,
            test_cluster.audit_log,
            tmp_path_factory.mktemp("state"),
        )


class Hands:
    """What somebody does to the cluster behind the runner's back."""

    def __init__(self, kubeconfig: Path, context: str) -> None:
        self.kubeconfig = str(kubeconfig)
        self.context = context

    def create(self, manifest: Object) -> Object:
        return self._do(lambda cluster: cluster.create(manifest))

    def get(self, ref: Ref) -> Object | None:
        try:
            return self._do(lambda cluster: cluster.get(ref))
        except NotFound:
            return None

    def apply(self, manifest: Object) -> Object:
        return self._do(lambda cluster: cluster.apply(manifest, force=True))

    def delete(self, ref: Ref) -> None:
        self._do(lambda cluster: cluster.delete(ref))

    def leases(self, namespace: str) -> list[str]:
        found = self._do(
            lambda cluster: cluster.list("coordination.k8s.io/v1", "Lease", namespace=namespace)
        )
        return [lease["metadata"]["name"] for lease in found.items]

    def all(self, namespace: str, kinds: Iterable[str]) -> list[Object]:
        """Every object of these kinds of Kubernetes' own."""

        async def look(cluster: Cluster) -> list[Object]:
            served = [t for t in await cluster.resource_types() if t.kind in kinds]
            return [
                {**obj, "kind": each.kind}
                for each in served
                if "." not in each.api_version or each.api_version.startswith("coordination.")
                for obj in (
                    await cluster.list(each.api_version, each.kind, namespace=namespace)
                ).items
            ]

        return self._do(look)

    def until(self, true: Callable[[], bool], *, tries: int = 600) -> None:
        """Look until it is so; a test that waits for ever would say nothing."""
        for _ in range(tries):
            if true():
                return
            asyncio.run(asyncio.sleep(0.1))
        raise AssertionError("it did not come to be")

    def _do(self, work: Callable[[Cluster], Awaitable[T]]) -> T:
        async def run() -> T:
            cluster = await connect(self.kubeconfig, self.context)
            try:
                return await work(cluster)
            finally:
                await cluster.close()

        return asyncio.run(run())


@pytest.fixture(scope="module")
def hands(test_cluster: TestCluster) -> Hands:
    return Hands(test_cluster.kubeconfig, test_cluster.context)
