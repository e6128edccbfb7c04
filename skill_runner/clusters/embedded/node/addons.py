"""The node's helper: gives a new cluster its standing objects and its pause image, then volumes.

It runs inside the node (`python -m skill_runner.clusters.embedded.node.addons FOLDER`), so
the cluster completes itself whatever becomes of the command that started it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from tenacity import retry, retry_if_exception_type, retry_if_result, wait_fixed

from skill_runner.binaries.catalogue import machine_architecture
from skill_runner.clusters.embedded.api import apply, connect_api
from skill_runner.clusters.embedded.components import import_command
from skill_runner.clusters.embedded.node.base_objects import NAMESPACES, standing_objects
from skill_runner.clusters.embedded.node.storage import serve_claims, serve_volumes
from skill_runner.clusters.embedded.pause_image import pause_archive
from skill_runner.clusters.embedded.settings import Node, read_node


@retry(retry=retry_if_exception_type(httpx.HTTPError), wait=wait_fixed(0.1))
async def _apply_all(client: httpx.AsyncClient, node: Node) -> None:
    for namespace in NAMESPACES:  # the API server makes them
        (await client.get(f"/api/v1/namespaces/{namespace}")).raise_for_status()
    for path, obj in standing_objects(node).items():
        await apply(client, path, obj)


@retry(retry=retry_if_result(lambda there: not there), wait=wait_fixed(0.05))
async def _until_containerd(node: Node) -> bool:
    return node.containerd_socket.exists()


@retry(retry=retry_if_exception_type(subprocess.CalledProcessError), wait=wait_fixed(0.1))
async def _load_pause(node: Node) -> None:
    archive = node.path / "pause.tar"
    archive.touch(mode=0o600)  # as everything in a cluster's folder
    archive.write_bytes(pause_archive(machine_architecture()))
    await _until_containerd(node)
    await asyncio.to_thread(
        subprocess.run,
        import_command(node, archive),
        check=True,
        capture_output=True,
        text=True,
    )


async def _again(serve: Callable[[], Awaitable[None]]) -> None:
    """Watches end; the next one continues."""
    while True:
        try:
            await serve()
        except (httpx.HTTPError, OSError, ValueError) as error:
            print(f"{type(error).__name__}: {error}", flush=True)  # noqa: T201  our log file
            await asyncio.sleep(1)


async def run(node: Node) -> None:
    volumes = node.path / "volumes"
    async with connect_api(node.certificates / "addons.kubeconfig") as client:
        async with asyncio.TaskGroup() as first:
            first.create_task(_load_pause(node))
            first.create_task(_apply_all(client, node))
        async with asyncio.TaskGroup() as rest:
            rest.create_task(_again(lambda: serve_claims(client, volumes)))
            rest.create_task(_again(lambda: serve_volumes(client, volumes)))


if __name__ == "__main__":
    asyncio.run(run(read_node(Path(sys.argv[1]))))
