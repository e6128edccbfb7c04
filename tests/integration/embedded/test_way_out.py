"""Without slirp4netns, pods get out through a firewall table that ends with the cluster."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from skill_runner import binaries
from skill_runner.clusters.embedded.host import processes
from skill_runner.clusters.embedded.host.paths import clusters_folder
from skill_runner.clusters.embedded.settings import Node, read_node
from tests.integration.embedded.fakehost import NAME, FakeHost, fake_host
from tests.integration.embedded.host import listening
from tests.support.testimage import BUSYBOX

pytestmark = pytest.mark.root


@pytest.fixture
def name() -> str:
    return f"nat-{secrets.token_hex(3)}"


@pytest.fixture
def host(name: str, tmp_path: Path) -> Iterator[FakeHost]:
    coredns = asyncio.run(binaries.ensure("coredns"))
    with fake_host(name, tmp_path, coredns) as host:
        yield host
        host.skill("cluster", "down", "--name", name)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with everything but slirp4netns."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in ("/usr/bin", "/usr/sbin"):
        for program in Path(place).iterdir():
            if program.name != "slirp4netns" and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    return str(folder)


def test_pods_get_out_by_a_table_that_ends_with_the_cluster(
    name: str, host: FakeHost, path: str, busybox_file: Path
) -> None:
    up = ("cluster", "up", "--name", name)
    refused = host.run("env", "SKILL_ASSETS=path", *host_skill(), *up, path=path)
    assert "slirp4netns is missing (Debian package slirp4netns)" in refused.stderr
    host.forward()
    answer = host.skill(*up, path=path)
    assert answer.returncode == 0, answer.stderr
    assert host.skill("cluster", "load", "--name", name, str(busybox_file)).returncode == 0
    node = read_node(clusters_folder() / name)
    assert host.pod(node, name, f"wget -q -O - http://{NAME}/") == "the world\n"
    assert listening(node, host.network) == {f"{node.addresses.host}:10053"}
    assert _name_servers(node) == f"nameserver {node.addresses.node}\n"
    assert node.addresses.interface in host.run("nft", "list", "tables").stdout
    _kill(node)
    assert _tables(host) == "gone"


def test_neighbours_of_a_machine_that_forwards_reach_no_cluster(name: str, host: FakeHost) -> None:
    host.forward()
    answer = host.skill("cluster", "up", "--name", name)
    assert answer.returncode == 0, answer.stderr
    node = read_node(clusters_folder() / name)
    assert node.way_out == "slirp4netns"
    for network in (node.addresses.link, node.addresses.pods, node.addresses.services):
        host.teach_the_world(network)
    asked = (str(BUSYBOX), "nc", "-w", "3", node.addresses.node, "6443", "-e", "true")
    assert host.run(*asked).returncode == 0, "the host itself reaches it"
    assert host.in_the_world(*asked).returncode != 0


def host_skill() -> tuple[str, ...]:
    return (sys.executable, "-m", "skill_runner")


def _name_servers(node: Node) -> str:
    """What the node's processes read, image pulls among them."""
    for process in processes.all_processes():
        if process.command[0] == node.tools["containerd"] and node.folder in process.command[2]:
            return Path(f"/proc/{process.pid}/root/etc/resolv.conf").read_text()
    return ""


def _kill(node: Node) -> None:
    keeper = processes.find_node_process(node.path)
    assert keeper is not None
    os.kill(keeper.pid, signal.SIGKILL)


@retry(
    retry=retry_if_result(lambda text: text != "gone"),
    wait=wait_fixed(0.05),
    stop=stop_after_delay(30),
)
def _tables(host: FakeHost) -> str:
    return host.run("nft", "list", "tables").stdout.strip() or "gone"
