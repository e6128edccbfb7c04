"""The files and objects that a node is made from."""

from __future__ import annotations

import io
import json
import os
import platform
import stat
import subprocess
import tarfile
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from skill_runner.clusters.embedded.certificates import write_certificates
from skill_runner.clusters.embedded.components import components, stages
from skill_runner.clusters.embedded.configs import configuration_files
from skill_runner.clusters.embedded.host import processes
from skill_runner.clusters.embedded.host.addresses import choose_addresses
from skill_runner.clusters.embedded.host.checks import (
    Machine,
    check_machine,
    fence_note,
    slirp_options,
)
from skill_runner.clusters.embedded.host.launch import node_proxies, pull_environment
from skill_runner.clusters.embedded.host.provider import TOOLS, check_name
from skill_runner.clusters.embedded.node.network import way_out
from skill_runner.clusters.embedded.node.storage import is_to_be_deleted, volume_for
from skill_runner.clusters.embedded.pause_image import pause_archive, pause_program
from skill_runner.clusters.embedded.settings import Node, WayOut, read_node
from skill_runner.clusters.registries import Registries
from skill_runner.errors import PreflightFailed, UsageError

GIBIBYTE = 1024**3


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(
        name="dev",
        folder=str(tmp_path),
        run_folder="/run/kube-skills/dev",
        addresses=choose_addresses([], []),
        tools={tool: f"/opt/tools/{tool}" for tool in TOOLS},
        cgroups=("/sys/fs/cgroup/skill-dev",),
        registries=Registries(mirrors={"docker.io": "https://m/"}, insecure=("r:5000",)),
    )


def test_settings_come_back_as_written(node: Node) -> None:
    node.write()
    assert read_node(node.path) == node
    newer = json.loads((node.path / "node.json").read_text()) | {"of_another_version": 1}
    (node.path / "node.json").write_text(json.dumps(newer))
    assert read_node(node.path) == node


def test_configuration_is_well_formed(node: Node) -> None:
    files = configuration_files(node, 8 * GIBIBYTE)
    containerd = tomllib.loads(files[node.path / "containerd.toml"])
    runtime = containerd["plugins"]["io.containerd.cri.v1.runtime"]["containerd"]["runtimes"][
        "runc"
    ]
    assert runtime["options"] == {"BinaryName": "/opt/tools/runc", "SystemdCgroup": False}
    kubelet = json.loads(files[node.path / "kubelet.yaml"])
    assert kubelet["kubeReserved"]["memory"] == "1024Mi"
    assert kubelet["authentication"]["anonymous"] == {"enabled": False}
    mirror = tomllib.loads(files[node.path / "certs.d/docker.io/hosts.toml"])
    assert list(mirror["host"]) == ["https://m"]
    plain = tomllib.loads(files[node.path / "certs.d/r:5000/hosts.toml"])
    assert plain["server"] == "http://r:5000"


def test_nothing_of_the_control_plane_listens_beyond_the_node(node: Node) -> None:
    for part in components(node):
        for word in part.command:
            if word.startswith("--bind-address") and part.name != "kube-apiserver":
                assert word == "--bind-address=127.0.0.1", part.name


def test_certificates_are_private_and_name_the_node(node: Node) -> None:
    write_certificates(node)
    for key in [*node.certificates.glob("*.key"), *node.certificates.glob("*.kubeconfig")]:
        assert stat.S_IMODE(key.stat().st_mode) == 0o600, key
    assert stat.S_IMODE(node.kubeconfig.stat().st_mode) == 0o600
    server = x509.load_pem_x509_certificate((node.certificates / "apiserver.crt").read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"100.64.7.2", "10.96.0.1", "127.0.0.1"} <= {
        str(address) for address in names.get_values_for_type(x509.IPAddress)
    }
    config = json.loads(node.kubeconfig.read_text())
    assert config["current-context"] == "dev"
    assert config["clusters"][0]["cluster"]["server"] == "https://100.64.7.2:6443"


@pytest.mark.parametrize(
    ("way", "looked_up", "name_server", "own_table"),
    [
        ("slirp4netns", "forward . 10.0.2.3 {", "10.0.2.3", False),
        ("nat", "forward . 100.64.7.1:10053 {", "100.64.7.2", True),
        ("", "", "100.64.7.2", False),
    ],
)
def test_ways_out(
    node: Node, way: WayOut, looked_up: str, name_server: str, own_table: bool
) -> None:
    files = configuration_files(replace(node, way_out=way), 8 * GIBIBYTE)
    corefile = files[node.path / "Corefile"]
    assert looked_up in corefile
    assert ("forward" in corefile) == bool(looked_up)
    assert files[node.path / "resolv.conf"] == f"nameserver {name_server}\n"
    assert (node.path / "forwarding.nft" in files) == own_table


def test_the_way_out_follows_the_machine() -> None:
    assert Machine(GIBIBYTE, "/usr/bin/slirp4netns", "overlayfs", forwards=True).way_out == (
        "slirp4netns"
    )
    assert Machine(GIBIBYTE, "", "overlayfs", forwards=True).way_out == "nat"
    assert Machine(GIBIBYTE, "", "overlayfs", forwards=False).way_out == ""


@pytest.mark.parametrize(
    ("helps", "options", "note"),
    [
        ("--cidr --enable-sandbox --enable-seccomp", ("--enable-sandbox", "--enable-seccomp"), ""),
        ("--cidr --enable-sandbox", ("--enable-sandbox",), "has no --enable-seccomp"),
        ("--cidr", (), "has no --enable-sandbox and no --enable-seccomp"),
    ],
)
def test_the_way_out_is_fenced_as_far_as_it_can_be(
    tmp_path: Path, node: Node, helps: str, options: tuple[str, ...], note: str
) -> None:
    slirp = tmp_path / "slirp4netns"
    slirp.write_text(f"#!/bin/sh\necho '{helps}'\n")
    slirp.chmod(0o755)
    machine = Machine(GIBIBYTE, str(slirp), "overlayfs", slirp_options(str(slirp)))
    assert machine.slirp_options == options
    assert note in fence_note(machine)
    assert bool(note) == bool(fence_note(machine))
    asked = replace(node, way_out="slirp4netns", slirp_options=options)
    asked = replace(asked, tools={**node.tools, "slirp4netns": str(slirp)})
    [component] = way_out(asked, 3, 4)
    assert [word for word in component.command if word.startswith("--enable")] == list(options)


def test_settings_are_their_owner_s_alone(tmp_path: Path, node: Node) -> None:
    node = replace(node, folder=str(tmp_path), environment={"HTTPS_PROXY": "http://u:secret@p:1"})
    (tmp_path / "node.json").touch(mode=0o644)
    node.write()
    assert stat.S_IMODE((tmp_path / "node.json").stat().st_mode) == 0o600
    assert read_node(tmp_path) == node


@pytest.mark.parametrize(
    ("owner", "here", "command", "is_one"),
    [
        (0, True, ("unshare", "-m", processes.MODULE, "/c/dev"), True),
        (1000, True, ("unshare", "-m", processes.MODULE, "/c/dev"), False),
        (0, False, ("unshare", "-m", processes.MODULE, "/c/dev"), False),
        (0, True, ("cat", "-m", processes.MODULE, "/c/dev"), False),
        (0, True, ("unshare", "-m", processes.MODULE), False),
    ],
)
def test_only_root_outside_of_every_pod_holds_a_node(
    owner: int, here: bool, command: tuple[str, ...], is_one: bool
) -> None:
    process = processes.Process(7, command, 0, 0.0, owner, here)
    assert processes.node_folder(process) == (Path("/c/dev") if is_one else None)


def test_the_table_of_processes_tells_owner_and_namespace() -> None:
    own = processes.read_process(os.getpid())
    assert own is not None
    assert (own.owner, own.here) == (os.geteuid(), True)


@pytest.mark.parametrize(("status", "started"), [(0, 1), (403, 2), (500, 2), (200, 3)])
def test_clients_start_when_the_api_answers(node: Node, status: int, started: int) -> None:
    assert sum(stage.may_start(status) for stage in stages(node)) == started


def test_pulls_get_proxies_and_trust(node: Node) -> None:
    given = {"HTTP_PROXY": "http://p:3128", "SSL_CERT_FILE": "/etc/ca.pem", "HOME": "/root"}
    found = pull_environment(given, node.addresses)
    assert sorted(found) == ["HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE"]


def test_proxies_leave_out_the_cluster(node: Node) -> None:
    found = node_proxies({"https_proxy": "http://p:3128", "NO_PROXY": "corp"}, node.addresses)
    assert found["HTTPS_PROXY"] == "http://p:3128"
    assert found["NO_PROXY"].startswith("corp,localhost,127.0.0.1,100.64.7.0/30,10.244.0.0/16")
    assert node_proxies({"NO_PROXY": "corp"}, node.addresses) == {}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="runs the program")
def test_the_pause_program_sleeps_until_killed(tmp_path: Path) -> None:
    file = tmp_path / "pause"
    file.write_bytes(pause_program("amd64"))
    file.chmod(0o755)
    with subprocess.Popen([file]) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
        process.kill()


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_the_pause_archive(architecture: str) -> None:
    with tarfile.open(fileobj=io.BytesIO(pause_archive(architecture))) as archive:
        config = archive.extractfile("config.json")
        assert config is not None
        assert json.load(config)["architecture"] == architecture


def claim() -> dict[str, Any]:
    return {
        "metadata": {"name": "data", "namespace": "app", "uid": "u-1"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "standard",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def test_volume_of_a_claim(tmp_path: Path) -> None:
    volume = volume_for(claim(), "dev", tmp_path)
    assert volume["metadata"]["name"] == "pvc-u-1"
    assert volume["spec"]["local"] == {"path": str(tmp_path / "pvc-u-1")}
    assert volume["spec"]["claimRef"]["uid"] == "u-1"


@pytest.mark.parametrize(
    ("phase", "policy", "gone"),
    [("Released", "Delete", True), ("Released", "Retain", False), ("Bound", "Delete", False)],
)
def test_which_volumes_are_deleted(tmp_path: Path, phase: str, policy: str, gone: bool) -> None:
    volume = volume_for(claim(), "dev", tmp_path)
    volume["status"] = {"phase": phase}
    volume["spec"]["persistentVolumeReclaimPolicy"] = policy
    assert is_to_be_deleted(volume) is gone


@pytest.mark.parametrize("name", ["", "UP", "a_b", "-a", "a-", "x" * 33, "../etc"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a cluster"):
        check_name(name)


def test_not_root_is_said(tmp_path: Path) -> None:
    with pytest.raises(PreflightFailed, match="needs root"):
        check_machine(tmp_path, user=1000)


def test_missing_tools_come_with_their_packages(tmp_path: Path) -> None:
    with pytest.raises(PreflightFailed) as caught:
        check_machine(tmp_path, user=0, search=str(tmp_path))
    assert "nft is missing (Debian package nftables)" in str(caught.value)
    assert "apt-get install iproute2 mount nftables util-linux" in str(caught.value)
