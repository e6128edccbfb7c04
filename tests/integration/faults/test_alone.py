"""Faults of the API server itself: each on a cluster that no other test uses."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from skill_runner import clusters
from skill_runner.backends.kube import connect
from skill_runner.backends.kube.transport import open_transport
from skill_runner.backends.recording.file import save_history
from skill_runner.clusters.base import ClusterInfo, UpOptions
from tests.integration.faults.play import play
from tests.integration.faults.scenario import Scenario, all_scenarios, assert_expected
from tests.support.paths import HISTORIES

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.root]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own(busybox_file: Path) -> AsyncIterator[ClusterInfo]:
    """A cluster of this module's own: its API server may be killed."""
    embedded = clusters.provider("embedded")
    info = await embedded.up(UpOptions(name=f"alone-{secrets.token_hex(3)}"))
    try:
        await embedded.load(info.name, busybox_file)
        yield info
    finally:
        await embedded.down(info.name)


async def kill_api_server(own: ClusterInfo) -> None:
    """End the process; the node starts it again."""
    found = await clusters.provider("embedded").status(own.name)
    assert found is not None
    (pid,) = [part.pid for part in found.components if part.name == "kube-apiserver"]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("scenario", all_scenarios(alone=True), ids=lambda s: s.name)
async def test_fault(scenario: Scenario, own: ClusterInfo, tmp_path: Path) -> None:
    async def kill() -> None:
        await kill_api_server(own)

    cluster = await connect(str(own.kubeconfig), own.context)
    transport = await open_transport(cluster.target, asyncio.sleep)
    try:
        done = await play(cluster, transport, "", scenario, tmp_path, {"kill-api-server": kill})
    finally:
        await transport.close()
        await cluster.close()
    assert_expected(scenario, done.result, done.namespace)
    assert "unreachable" in {moment.what for moment in done.history.moments}
    if os.environ.get("SKILL_RECORD_HISTORIES"):
        save_history(done.history, HISTORIES / f"{scenario.name}.jsonl")
