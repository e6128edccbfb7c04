"""A node's settings and files, then its first process."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path

from skill_runner.clusters.base import UpOptions
from skill_runner.clusters.embedded.certificates import write_certificates
from skill_runner.clusters.embedded.cgroups import cgroup_version, create_cgroups
from skill_runner.clusters.embedded.configs import configuration_files
from skill_runner.clusters.embedded.host import addresses as ranges
from skill_runner.clusters.embedded.host.checks import FOLDERS, Machine
from skill_runner.clusters.embedded.host.paths import lock_addresses, run_folder
from skill_runner.clusters.embedded.host.processes import node_command, running_folders
from skill_runner.clusters.embedded.settings import Addresses, Node, read_node, write_private
from skill_runner.clusters.registries import Registries
from skill_runner.errors import ClusterLifecycleError, UsageError
from skill_runner.progress import Note, Report

MODULES = ("overlay", "br_netfilter", "nf_conntrack", "nf_tables", "nft_chain_nat", "veth", "tun")
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
TRUST_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Go's: a proxy that opens TLS has a certificate authority of its own."""


async def start_node(
    options: UpOptions, folder: Path, tools: Mapping[str, Path], machine: Machine
) -> Node:
    """Start a node that does not run; nothing of an earlier one may be left."""
    load_kernel_modules()
    async with lock_addresses():
        node = _settings(options, folder, tools, machine, _choose_addresses())
        _write_files(node, machine)
        process = _start(node)
        await _wait_for_link(process, node)
    return node


def check_same_options(node: Node, options: UpOptions, report: Report) -> None:
    """A running node keeps its settings; say so when others are asked for."""
    if _registries(options) not in (Registries(), node.registries):
        report(Note(f"{node.name} runs already, with other registry settings; they are kept"))


def _choose_addresses() -> Addresses:
    taken = ranges.host_networks()
    interfaces = ranges.host_interfaces()
    for folder in running_folders():
        try:
            other = read_node(folder).addresses
        except (OSError, ValueError, KeyError, TypeError):
            continue
        taken += [IPv4Network(text) for text in (other.link, other.pods, other.services)]
        interfaces.add(other.interface)
    return ranges.choose_addresses(taken, interfaces)


def _settings(
    options: UpOptions,
    folder: Path,
    tools: Mapping[str, Path],
    machine: Machine,
    addresses: Addresses,
) -> Node:
    paths = {tool: str(path) for tool, path in tools.items()}
    if machine.slirp:
        paths["slirp4netns"] = machine.slirp
    return Node(
        name=options.name,
        folder=str(folder),
        run_folder=str(run_folder(options.name)),
        addresses=addresses,
        tools=paths,
        cgroups=create_cgroups(f"skill-{options.name}"),
        cgroup_version=cgroup_version(),
        snapshotter=machine.snapshotter,
        way_out=machine.way_out,
        slirp_options=machine.slirp_options,
        registries=_registries(options),
        environment=pull_environment(os.environ, addresses),
        created=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    )


def _registries(options: UpOptions) -> Registries:
    config = options.registry_config
    if config is not None and not config.is_dir():
        raise UsageError(
            f"--registry-config {config} is not a folder (of containerd's certs.d form)"
        )
    return Registries(
        mirrors=options.mirrors,
        insecure=options.insecure_registries,
        config=str(config.absolute()) if config else "",
    )


def pull_environment(environment: Mapping[str, str], addresses: Addresses) -> dict[str, str]:
    """Return what image pulls need of the caller's environment: proxies, and whom to trust."""
    trust = {name: environment[name] for name in TRUST_VARIABLES if environment.get(name)}
    return node_proxies(environment, addresses) | trust


def node_proxies(environment: Mapping[str, str], addresses: Addresses) -> dict[str, str]:
    """The proxy variables for image pulls; the cluster's own ranges never go through a proxy."""
    found = {
        name: value
        for name in PROXY_VARIABLES
        if (value := environment.get(name) or environment.get(name.lower()))
    }
    if set(found) <= {"NO_PROXY"}:
        return {}
    own = ["localhost", "127.0.0.1", addresses.link, addresses.pods, addresses.services]
    found["NO_PROXY"] = ",".join([*filter(None, [found.get("NO_PROXY")]), *own, ".svc", ".local"])
    return found


def load_kernel_modules() -> None:
    """Load what a stock kernel loads on demand only from outside; nothing where it is built in."""
    if modprobe := shutil.which("modprobe", path=f"{os.environ.get('PATH', '')}:{FOLDERS}"):
        subprocess.run([modprobe, "--all", "--quiet", *MODULES], check=False, capture_output=True)


def _write_files(node: Node, machine: Machine) -> None:
    # Volumes are open to every user of their pods, so the way to them is closed to all others: a
    # pod sees what is mounted in it, and not the folders above.
    node.path.mkdir(mode=0o711, parents=True)
    node.run_path.mkdir(mode=0o711, parents=True, exist_ok=True)
    for name in ("logs", "tmp", "volumes", "pods", "certs.d"):
        (node.path / name).mkdir(mode=0o700)
    write_certificates(node)
    for path, text in configuration_files(node, machine.memory).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, text)
    node.write()


def _start(node: Node) -> subprocess.Popen[bytes]:
    """In a session of its own, so that no Ctrl-C reaches it; its output goes to logs/node.log."""
    network = os.open("/proc/self/ns/net", os.O_RDONLY)
    mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    try:
        with (node.logs / "node.log").open("ab") as log:
            process = subprocess.Popen(
                node_command(node, network, mounts),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                pass_fds=(network, mounts),
                start_new_session=True,
                env={
                    "PATH": f"{os.environ.get('PATH', '')}:{FOLDERS}",
                    "LANG": "C.UTF-8",
                    "HOME": str(node.path),
                },
            )
    finally:
        os.close(network)
        os.close(mounts)
    # The node outlives this call; should it end while this process lives on, it is reaped.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


async def _wait_for_link(process: subprocess.Popen[bytes], node: Node) -> None:
    """Wait until the node's link is there, which is when its address ranges show as taken."""
    from skill_runner.clusters.embedded.host.readiness import node_failure, poll

    interface = node.addresses.interface

    def linked() -> bool:
        if process.returncode is not None:
            raise ClusterLifecycleError(node_failure(node))
        return interface in ranges.host_interfaces()

    await poll(linked, 30, f"the node of {node.name!r} made no network link")
