"""Pods that take all they can get: the node stays ready, and its API answers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from skill_runner.clusters.embedded.host import processes
from skill_runner.clusters.embedded.host.paths import clusters_folder
from skill_runner.clusters.embedded.settings import Node, read_node
from tests.integration.embedded.host import skill, skill_ok, status
from tests.support import pods

pytestmark = pytest.mark.root

ALLOCATABLE = 700
"""MiB for pods: enough to tell, and little enough for any machine that runs the tests."""
MEMORY = "x=0123456789abcdef; while true; do x=$x$x; done"
# The kernel kills what reaches the pods' share at once; what comes near to it slowly, as on a busy
# machine, the kubelet may evict first.
KILLED, EVICTED = "OOMKilled", "Evicted"
PROCESSOR = "while true; do :; done"


@pytest.fixture
def node() -> Iterator[Node]:
    name = f"greedy-{secrets.token_hex(3)}"
    skill_ok("cluster", "up", "--name", name)
    yield read_node(clusters_folder() / name)
    skill("cluster", "down", "--name", name)


def test_greedy_pods_do_not_starve_the_node(node: Node, busybox_file: Path) -> None:
    skill_ok("cluster", "load", "--name", node.name, str(busybox_file))
    with pods.connect(node.kubeconfig, node.name) as api:
        _reserve_all_but(node, api, ALLOCATABLE)
        assert _until_allocatable(api, node, ALLOCATABLE)
        before = _pids(node)
        for number in range(3):
            pods.start(api, "default", pods.pod(f"processor-{number}", PROCESSOR))
        pods.create(api, "/api/v1/namespaces/default/pods", pods.pod("memory", MEMORY))
        assert _until_ended(api, node) in (KILLED, EVICTED)
        # For minutes after an eviction, the node is kept for pods that put up with that.
        tolerant = pods.pod("after", "echo still here", tolerations=[{"operator": "Exists"}])
        after = pods.run(api, "default", tolerant)
        assert after == "still here\n"
    assert _pids(node) == before, "no part of the node was killed or ended"


def _reserve_all_but(node: Node, api: httpx.Client, mebibytes: int) -> None:
    """Let the kubelet reserve more, so that the pods' share is small; it is started again."""
    file = node.path / "kubelet.yaml"
    config = json.loads(file.read_text())
    capacity = _node_status(api, node)["capacity"]["memory"]
    evicted = int(config["evictionHard"]["memory.available"].removesuffix("Mi"))
    reserved = int(capacity.removesuffix("Ki")) // 1024 - evicted - mebibytes
    config["kubeReserved"]["memory"] = f"{reserved}Mi"
    file.write_text(json.dumps(config))
    processes.kill(_pids(node)["kubelet"])


def _node_status(api: httpx.Client, node: Node) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = pods.get(api, f"/api/v1/nodes/{node.name}")["status"]
    return found


def _pids(node: Node) -> dict[str, int]:
    parts = status(node.name)["components"]
    assert isinstance(parts, list)
    return {part["name"]: part["pid"] for part in parts}


@retry(retry=retry_if_result(lambda ok: not ok), wait=wait_fixed(0.2), stop=stop_after_delay(60))
def _until_allocatable(api: httpx.Client, node: Node, mebibytes: int) -> bool:
    memory = _node_status(api, node)["allocatable"]["memory"]
    return int(memory.removesuffix("Ki")) // 1024 <= mebibytes


@retry(retry=retry_if_result(lambda why: not why), wait=wait_fixed(0.2), stop=stop_after_delay(90))
def _until_ended(api: httpx.Client, node: Node) -> str:
    """Why the greedy pod ended. Meanwhile the API answers, and the node is Ready."""
    conditions = pods.get(api, f"/api/v1/nodes/{node.name}")["status"]["conditions"]
    assert {c["type"]: c["status"] for c in conditions}["Ready"] == "True"
    found = pods.get(api, "/api/v1/namespaces/default/pods/memory")["status"]
    (container,) = found.get("containerStatuses") or [{"state": {}}]
    ended = container["state"].get("terminated", {})
    return str(found.get("reason") or ended["reason"]) if ended else ""
