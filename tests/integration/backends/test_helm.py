"""What only a real Helm shows: hooks that block, and a cancellation in the middle of one."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from skill_runner.backends.base import Cluster, ReleaseSpec
from skill_runner.backends.helm import PyHelm
from skill_runner.backends.kube import connect
from skill_runner.errors import ClusterUnreachable
from skill_runner.objects import Ref
from tests.contract.objects import following
from tests.support.paths import SAMPLE_CHART
from tests.unit.backends.kube.conftest import write_kubeconfig


def spec(namespace: str, **values: object) -> ReleaseSpec:
    chart = str(SAMPLE_CHART)
    return ReleaseSpec(name="demo", namespace=namespace, chart=chart, values=values)


@pytest.fixture
def helm(cluster: Cluster, helm_binary: str) -> PyHelm:
    return PyHelm(helm_binary, cluster)


async def test_a_cancelled_install_leaves_a_failed_release(
    helm: PyHelm, cluster: Cluster, namespace: str
) -> None:
    task = asyncio.ensure_future(helm.install_or_upgrade(spec(namespace, colour="red", job=True)))
    stream = cluster.watch("batch/v1", "Job", namespace=namespace)
    async with aclosing(stream):
        await following(stream)
    pending = await helm.get("demo", namespace)
    assert pending is not None
    assert pending.status == "pending-install"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release = await helm.get("demo", namespace)
    assert release is not None
    assert release.status == "failed"
    await cluster.get(Ref("v1", "ConfigMap", "settings", namespace))  # nothing is deleted


async def test_an_upgrade_without_values_forgets_those_of_before(
    helm: PyHelm, cluster: Cluster, namespace: str
) -> None:
    await helm.install_or_upgrade(spec(namespace, colour="red", extra=True))
    await helm.install_or_upgrade(spec(namespace, colour="blue"))
    names = [obj["metadata"]["name"] for obj in await helm.manifest("demo", namespace)]
    assert names == ["settings"]


async def test_nobody_there(tmp_path: Path, unused_tcp_port: int, helm_binary: str) -> None:
    path = write_kubeconfig(tmp_path, f"https://127.0.0.1:{unused_tcp_port}", token="x")
    cluster = await connect(path)
    with pytest.raises(ClusterUnreachable, match="refused"):
        await PyHelm(helm_binary, cluster).install_or_upgrade(spec("default", colour="red"))
    await cluster.close()
