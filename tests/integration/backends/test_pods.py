"""Commands in containers, their logs, and connections to their ports."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import aclosing
from typing import Any

import pytest

from skill_runner.backends.base import Cluster, ExecResult
from skill_runner.errors import ApiError, NotFound
from skill_runner.objects import Object
from tests.support.testimage import IMAGE

pytestmark = pytest.mark.usefixtures("busybox")

CRASH = (
    "if [ -e /mark/x ]; then echo second; sleep 3600; else touch /mark/x; echo first; exit 3; fi"
)


def pod(namespace: str) -> Object:
    def container(name: str, script: str) -> Object:
        return {
            "name": name,
            "image": IMAGE,
            "imagePullPolicy": "Never",
            "command": ["sh", "-c", script],
            "volumeMounts": [{"name": "mark", "mountPath": "/mark"}],
        }

    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "box", "namespace": namespace},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                container("main", "echo hello; sleep 3600"),
                container("crash", CRASH),
                container(
                    "web", "mkdir /tmp/w; echo page > /tmp/w/index.html; httpd -f -p 8080 -h /tmp/w"
                ),
            ],
            "volumes": [{"name": "mark", "emptyDir": {}}],
        },
    }


async def running(cluster: Cluster, manifest: Object) -> None:
    """Make the pod, and wait until every container runs and one has restarted."""
    made = await cluster.create(manifest)
    meta = made["metadata"]
    stream = cluster.watch(
        "v1", "Pod", namespace=meta["namespace"], fields=f"metadata.name={meta['name']}"
    )
    async with asyncio.timeout(120), aclosing(stream):
        async for event in stream:
            states = event.object.get("status", {}).get("containerStatuses") or ()
            restarts = sum(state["restartCount"] for state in states)
            if restarts and all("running" in state["state"] for state in states):
                return


@pytest.fixture
async def box(cluster: Cluster, namespace: str) -> str:
    await running(cluster, pod(namespace))
    return namespace


async def test_commands(cluster: Cluster, box: str) -> None:
    """Several cases on one pod, whose start is what takes the time."""

    def run(*argv: str, **options: Any) -> Awaitable[ExecResult]:
        return cluster.exec(box, "box", "main", argv, **options)

    assert await run("echo", "a b", "$HOME;") == ExecResult(0, "a b $HOME;\n", "")
    both = await run("sh", "-c", "echo out; echo err >&2; exit 7")
    assert both == ExecResult(7, "out\n", "err\n")

    text = "line\n" * 100_000
    assert await run("cat", stdin=text) == ExecResult(0, text, "")
    assert await run("cat", stdin="") == ExecResult(0, "", "")
    unread = await run("echo", "who reads?", stdin="x" * 64 * 1024)
    assert unread.stdout == "who reads?\n"

    with pytest.raises(ApiError, match="no-such-command"):
        await run("no-such-command")
    with pytest.raises(TimeoutError, match=r"`sleep` did not end within 0.5 s"):
        await run("sleep", "3600", timeout=0.5)
    with pytest.raises(TimeoutError, match="leaves more than 64 KiB unread"):
        await run("sleep", "3600", stdin=text, timeout=0.5)
    with pytest.raises(ApiError, match="nothere"):
        await cluster.exec(box, "box", "nothere", ["true"])
    with pytest.raises(NotFound, match="absent"):
        await cluster.exec(box, "absent", "main", ["true"])

    many = await asyncio.gather(*(run("echo", str(n)) for n in range(8)))
    assert [result.stdout for result in many] == [f"{n}\n" for n in range(8)]


async def test_logs(cluster: Cluster, box: str) -> None:
    assert await cluster.logs(box, "box", "main") == "hello\n"
    assert await cluster.logs(box, "box", "crash") == "second\n"
    assert await cluster.logs(box, "box", "crash", previous=True) == "first\n"
    with pytest.raises(NotFound, match="previous"):
        await cluster.logs(box, "box", "main", previous=True)
    with pytest.raises(NotFound):
        await cluster.logs(box, "absent", "main")


async def get(port: int, path: str = "/") -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    return answer.decode()


async def test_ports(cluster: Cluster, box: str) -> None:
    async with cluster.port_forward(box, "box", 8080) as port:
        answers = await asyncio.gather(*(get(port) for _ in range(8)))
        assert all(answer.endswith("page\n") for answer in answers)
        left_open, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await left_open.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_that_nobody_serves_is_closed(cluster: Cluster, box: str) -> None:
    async with cluster.port_forward(box, "box", 9) as port:
        assert await get(port) == ""
