"""The embedded cluster comes up whole, or says one clear thing; and it leaves nothing."""

from __future__ import annotations

import json
import os
import secrets
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from skill_runner.clusters.embedded.cgroups import create_cgroups, hierarchies
from skill_runner.clusters.embedded.host import addresses, processes
from skill_runner.clusters.embedded.host.paths import clusters_folder
from skill_runner.clusters.embedded.settings import read_node
from tests.integration.embedded.host import (
    host_state,
    listening,
    network_of,
    skill,
    skill_ok,
    status,
)
from tests.support import pods

pytestmark = pytest.mark.root


@pytest.fixture
def name() -> Iterator[str]:
    """A cluster's name; whatever a test leaves of it is cleared away."""
    name = f"life-{secrets.token_hex(3)}"
    yield name
    skill("cluster", "down", "--name", name)


def folder(name: str) -> Path:
    return clusters_folder() / name


def test_down_leaves_nothing(name: str, busybox_file: Path) -> None:
    before = host_state(name)
    skill_ok("cluster", "up", "--name", name)
    skill_ok("cluster", "load", "--name", name, str(busybox_file))
    node = read_node(folder(name))
    with pods.connect(node.kubeconfig, name) as api:  # each pod has cgroups in every hierarchy
        assert pods.run(api, "default", pods.pod("hello", "echo hello")) == "hello\n"
    seen = host_state(name) - before
    assert {f"cgroup {root}/skill-{name}" for root in hierarchies()} <= seen
    resolver = {f"{node.addresses.host}:10053"} if node.way_out == "nat" else set()
    assert listening(node) == resolver
    assert skill_ok("cluster", "down", "--name", name) == f"Cluster {name} is gone.\n"
    assert host_state(name) - before == set()
    assert "There was no cluster" in skill_ok("cluster", "down", "--name", name)


def test_a_connection_that_nobody_answers_keeps_nothing(name: str) -> None:
    before = host_state(name)
    skill_ok("cluster", "up", "--name", name)
    node = read_node(folder(name))
    orphan = ORPHAN.format(address=node.addresses.node)
    enter = ["nsenter", f"--net={network_of(node)}", sys.executable, "-c", orphan]
    subprocess.run(enter, check=True)
    skill_ok("cluster", "down", "--name", name)
    assert host_state(name) - before == set()


# What it sends is dropped, so the kernel sends it again and again after the process has ended.
ORPHAN = """
import socket, subprocess
one = socket.create_connection(("{address}", 6443))
rule = f"tcp sport {{one.getsockname()[1]}} drop"
chain = "type filter hook output priority 0;"
text = f"table ip orphan {{{{ chain out {{{{ {{chain}} {{rule}}; }}}}; }}}}"
subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)
one.sendall(b"nobody sees this")
"""


def test_up_again_is_the_same_cluster(name: str) -> None:
    skill_ok("cluster", "up", "--name", name)
    first = processes.find_node_process(folder(name))
    answer = json.loads(skill_ok("cluster", "up", "--name", name, "-o", "json"))
    again = processes.find_node_process(folder(name))
    assert first is not None
    assert again is not None
    assert (again.pid, answer["ready"]) == (first.pid, True)
    kubeconfig = Path(answer["kubeconfig"])
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600


def test_two_ups_at_once_make_one_cluster(name: str) -> None:
    command = [sys.executable, "-m", "skill_runner", "cluster", "up", "--name", name]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=240)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1]
    nodes = [path for path in processes.running_folders() if path == folder(name)]
    assert len(nodes) == 1


def test_up_after_skill_was_killed_while_starting(name: str) -> None:
    command = [sys.executable, "-m", "skill_runner", "cluster", "up", "--name", name]
    starting = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _until_node_runs(name)
    starting.kill()
    starting.wait()
    skill_ok("cluster", "up", "--name", name)
    assert status(name)["ready"] is True


def test_killed_node_is_reported_and_replaced(name: str) -> None:
    skill_ok("cluster", "up", "--name", name)
    node = processes.find_node_process(folder(name))
    assert node is not None
    os.kill(node.pid, signal.SIGKILL)
    _until_node_is_gone(name)
    answer = status(name)
    assert (answer["running"], "has stopped" in str(answer["note"])) == (False, True)
    skill_ok("cluster", "up", "--name", name)
    assert status(name)["ready"] is True


def test_a_killed_component_comes_back(name: str) -> None:
    skill_ok("cluster", "up", "--name", name)
    before = _component(name, "kube-scheduler")
    os.kill(before, signal.SIGKILL)
    assert _next_component(name, "kube-scheduler", before) != before


def test_stale_state_is_cleared(name: str) -> None:
    stale = folder(name)
    (stale / "etcd").mkdir(parents=True)
    (stale / "node.json").write_text("{ half a file")
    create_cgroups(f"skill-{name}")
    answer = skill("cluster", "up", "--name", name)
    assert answer.returncode == 0, answer.stderr
    assert "removing what is left" in answer.stderr


def test_taken_ranges_are_avoided(name: str) -> None:
    free = addresses.choose_addresses(addresses.host_networks(), addresses.host_interfaces())
    half = str(next(IPv4Network(free.pods).subnets()))
    subprocess.run(["ip", "route", "add", "blackhole", half], check=True)
    try:
        skill_ok("cluster", "up", "--name", name)
        assert read_node(folder(name)).addresses.pods != free.pods
    finally:
        subprocess.run(["ip", "route", "del", "blackhole", half], check=True)


def test_two_clusters_side_by_side(name: str) -> None:
    other = f"{name}-b"
    try:
        skill_ok("cluster", "up", "--name", name)
        skill_ok("cluster", "up", "--name", other)
        listed = json.loads(skill_ok("cluster", "list", "-o", "json"))["clusters"]
        servers = {info["name"]: info["server"] for info in listed}
        assert servers[name] != servers[other]
        skill_ok("cluster", "down", "--name", other)
        assert status(name)["ready"] is True
    finally:
        skill("cluster", "down", "--name", other)


@retry(
    retry=retry_if_result(lambda found: not found), wait=wait_fixed(0.02), stop=stop_after_delay(60)
)
def _until_node_runs(name: str) -> bool:
    return processes.find_node_process(folder(name)) is not None


@retry(
    retry=retry_if_result(lambda gone: not gone), wait=wait_fixed(0.02), stop=stop_after_delay(60)
)
def _until_node_is_gone(name: str) -> bool:
    return processes.find_node_process(folder(name)) is None


def _component(name: str, component: str) -> int:
    parts = status(name)["components"]
    assert isinstance(parts, list)
    pids = [part["pid"] for part in parts if part["name"] == component]
    return int(pids[0] or 0)


@retry(retry=retry_if_result(lambda pid: pid == 0), wait=wait_fixed(0.1), stop=stop_after_delay(60))
def _next_component(name: str, component: str, before: int) -> int:
    pid = _component(name, component)
    return 0 if pid == before else pid
