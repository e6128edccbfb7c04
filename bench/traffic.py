"""API requests and bytes received in a wait, alone and with unrelated pods in the namespace.

The connection goes through a relay that counts bytes (TLS and all); requests are counted where the
wait makes them.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from rich.table import Table

from bench.latency import _deployment
from skill_runner.backends.base import Cluster, ObjectList, WatchEvent
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.kube import connect
from skill_runner.backends.recording import RecordingCluster
from skill_runner.clusters.base import ClusterInfo
from skill_runner.objects import Object, Ref
from skill_runner.progress import silent
from skill_runner.readiness.wait import DEFAULT_POLICY, Expected, wait_ready

HELD = 20.0  # seconds of stability, so that the independent look takes place, too
UNRELATED = (0, 500)


async def measure_traffic(info: ClusterInfo, cluster: Cluster) -> Table:
    table = Table(
        "unrelated pods",
        "requests",
        "bytes received",
        "by verb",
        "seconds",
        title=f"One wait for a Deployment, held ready for {HELD:.0f} s",
    )
    for amount in UNRELATED:
        table.add_row(str(amount), *await _one(info, cluster, amount))
    return table


async def _one(info: ClusterInfo, cluster: Cluster, amount: int) -> tuple[str, ...]:
    namespace = f"traffic-{secrets.token_hex(2)}"
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    await _account(cluster, namespace)
    for number in range(amount):
        await cluster.create(_idle(f"idle-{number}", namespace))
    restless = asyncio.create_task(_change(cluster, namespace, amount))
    received = [0]
    async with _through_relay(info, received) as client:
        manifest = _deployment("web", namespace)
        applied = await cluster.apply(manifest)
        received[0] = 0
        counting = Counting(client)
        result = await wait_ready(
            counting,
            SystemClock(),
            [Expected.of(manifest, applied)],
            rules=(),
            timeout=90,
            stability=HELD,
            policy=DEFAULT_POLICY,
            report=silent,
        )
        assert result.state == "ready", result.problem
        took = received[0]
    restless.cancel()
    await asyncio.gather(restless, return_exceptions=True)
    verbs = counting.verbs
    await cluster.delete(Ref("v1", "Namespace", namespace))
    shown = ", ".join(f"{count} {verb}" for verb, count in sorted(verbs.items()))
    return str(sum(verbs.values())), str(took), shown, f"{result.seconds:.1f}"


async def _account(cluster: Cluster, namespace: str) -> None:
    while not (  # noqa: ASYNC110
        await cluster.list("v1", "ServiceAccount", namespace=namespace)
    ).items:
        await asyncio.sleep(0.05)


def _idle(name: str, namespace: str) -> Object:
    """A pod that no node takes: it costs nothing but its place in the API."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "idle"}},
        "spec": {
            "nodeSelector": {"bench": "nowhere"},
            "containers": [{"name": "c", "image": "example.org/idle:1"}],
        },
    }


async def _change(cluster: Cluster, namespace: str, amount: int) -> None:
    """Ten changes of unrelated pods a second."""
    number = 0
    while amount:
        manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"idle-{number % amount}",
                "namespace": namespace,
                "annotations": {"bench/turn": str(number)},
            },
        }
        await cluster.apply(manifest, force=True)
        number += 1
        await asyncio.sleep(0.1)


class Counting(RecordingCluster):
    """Counts what a wait asks for."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster, SystemClock())
        self.verbs: Counter[str] = Counter()

    async def get(self, ref: Ref) -> Object:
        self.verbs["get"] += 1
        return await super().get(ref)

    async def list(self, *kind: Any, **selection: Any) -> ObjectList:
        self.verbs["list"] += 1
        return await super().list(*kind, **selection)

    async def watch(self, *kind: Any, **selection: Any) -> AsyncGenerator[WatchEvent, None]:
        self.verbs["watch"] += 1
        async for event in super().watch(*kind, **selection):
            yield event


@asynccontextmanager
async def _through_relay(info: ClusterInfo, received: list[int]) -> AsyncIterator[Cluster]:
    """A connection whose bytes from the server are added to `received[0]`."""
    assert info.kubeconfig is not None
    config = yaml.safe_load(info.kubeconfig.read_text())
    url = urlsplit(config["clusters"][0]["cluster"]["server"])

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, count: bool) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                received[0] += len(data) if count else 0
                sink.write(data)
                await sink.drain()
            sink.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(url.hostname, url.port)
        await asyncio.gather(pump(reader, back, False), pump(there, writer, True))

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        path.chmod(0o600)
        client = await connect(str(path), info.context)
        client._transport._api.user_agent = "skill-runner bench"
        try:
            yield client
        finally:
            await client.close()
            server.close()
