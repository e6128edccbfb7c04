"""Tell when a node is ready: its API answers, it is Ready, a pod in `default` can be made."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import httpx
from tenacity import AsyncRetrying, RetryError, retry_if_result, stop_after_delay, wait_fixed

from skill_runner.clusters.embedded.api import connect_api
from skill_runner.clusters.embedded.host.processes import find_node_process, kill, read_process
from skill_runner.clusters.embedded.host.start_failures import why_hopeless
from skill_runner.clusters.embedded.settings import Node
from skill_runner.errors import ClusterLifecycleError
from skill_runner.progress import Note, Report

NEEDED = (
    "/api/v1/namespaces/default/serviceaccounts/default",
    "/apis/storage.k8s.io/v1/storageclasses/standard",
)
FAILURE = "failure"
PAUSE = 0.05
"""Seconds between two questions to the API server."""
LOOKS = 20
"""Every so many questions, a look at the disk and the logs."""


async def poll(ready: Callable[[], bool], seconds: float, late: str) -> None:
    """Ask until it is so. ClusterLifecycleError with `late` after that many seconds."""

    async def ask() -> bool:
        return ready()

    asking = AsyncRetrying(
        retry=retry_if_result(lambda answer: not answer),
        wait=wait_fixed(0.02),
        stop=stop_after_delay(seconds),
    )
    try:
        await asking(ask)
    except RetryError:
        raise ClusterLifecycleError(f"{late} after {seconds:.0f} s") from None


async def wait_until_ready(node: Node, seconds: float, report: Report) -> None:
    """Return when the node is ready for pods. ClusterLifecycleError says what was missing."""
    missing = "the API server does not answer"
    keeper = find_node_process(node.path)
    looks = itertools.count()
    try:
        async with asyncio.timeout(seconds), connect_api(node.kubeconfig) as client:
            while True:
                before, missing = missing, await what_is_missing(client, node)
                if not missing:
                    return
                if missing != before:
                    report(Note(f"waiting: {missing}"))
                if next(looks) % LOOKS == 0:
                    _give_up_if_hopeless(node)
                if keeper is None or read_process(keeper.pid) is None:
                    raise ClusterLifecycleError(node_failure(node))
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise ClusterLifecycleError(
            f"cluster {node.name!r} is not ready after {seconds:.0f} s: {missing}",
            hint=f"`skill cluster up --name {node.name}` goes on waiting; `skill cluster logs "
            f"--name {node.name} kubelet` shows what the node's agent says.",
        ) from None


def _give_up_if_hopeless(node: Node) -> None:
    """End a node that will never be ready; its folder stays until the next start, for its logs."""
    error = why_hopeless(node)
    if error is None:
        return
    if keeper := find_node_process(node.path):
        kill(keeper.pid)
    raise error


async def what_is_missing(client: httpx.AsyncClient, node: Node) -> str:
    """Say what keeps the node from being ready, in a few words; empty when nothing does."""
    try:
        if (await client.get("/readyz")).status_code != httpx.codes.OK:
            return "the API server is starting"
        answer = await client.get(f"/api/v1/nodes/{node.name}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return "the node is not registered yet"
        conditions = {c["type"]: c for c in answer.json()["status"].get("conditions", [])}
        ready = conditions.get("Ready", {})
        if ready.get("status") != "True":
            return f"the node is not Ready: {ready.get('message', 'no word yet')}"
        for path in NEEDED:
            if (await client.get(path)).status_code != httpx.codes.OK:
                return f"{path.rpartition('/')[2]} {path.split('/')[-2]} is not there yet"
    except httpx.TransportError:
        return "the API server does not answer"
    return ""


async def is_ready(node: Node) -> bool:
    async with connect_api(node.kubeconfig) as client:
        return not await what_is_missing(client, node)


def node_failure(node: Node) -> str:
    """Explain why a node's process ended, from what it left behind."""
    for name in (FAILURE, "logs/node.log"):
        try:
            text = (node.path / name).read_text().strip()
        except OSError:
            continue
        if text:
            line = text.splitlines()[0 if name == FAILURE else -1]
            return f"the node of {node.name!r} ended: {line}"
    return f"the node of {node.name!r} was stopped from outside"
