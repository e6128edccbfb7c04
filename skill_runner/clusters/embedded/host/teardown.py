"""End a node, and remove what the kernel does not: cgroups and files."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from skill_runner.clusters.embedded import cgroups
from skill_runner.clusters.embedded.host import processes
from skill_runner.clusters.embedded.host.addresses import host_interfaces
from skill_runner.clusters.embedded.host.paths import run_folder
from skill_runner.clusters.embedded.host.readiness import poll
from skill_runner.clusters.embedded.settings import read_node


async def remove(name: str, folder: Path) -> None:
    """Whatever there is of a cluster, running, half made or left over. Nothing else is touched."""
    interface = ""
    with suppress(OSError, ValueError, KeyError, TypeError):
        interface = read_node(folder).addresses.interface
    process = processes.find_node_process(folder)
    link = _index(interface)
    if process is not None:
        processes.kill(process.pid)
    groups = tuple(str(root / f"skill-{name}") for root in cgroups.hierarchies())
    files = asyncio.create_task(asyncio.to_thread(_remove_files, name, folder))
    late = f"processes of cluster {name!r} are still dying"
    await poll(lambda: cgroups.remove_cgroups(groups), 60, late)
    await files
    if process is not None and interface:
        _delete_link(interface, link)
        gone = f"the link {interface} of cluster {name!r} is still there"
        await poll(lambda: interface not in host_interfaces(), 30, gone)


def _index(interface: str) -> int | None:
    """The kernel's number of an interface, which no other one gets while it is there."""
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return None


def _delete_link(interface: str, index: int | None) -> None:
    """The kernel keeps a node's network, and the link with it, while a connection of its dead
    processes waits for an answer: up to two minutes. Unless it is another cluster's by now."""
    if index is not None and _index(interface) == index:
        subprocess.run(["ip", "link", "delete", interface], capture_output=True, check=False)


def _remove_files(name: str, folder: Path) -> None:
    for path in (folder, run_folder(name)):
        shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(path, ignore_errors=True)  # a dying process may have added a last file
        with suppress(OSError):
            path.parent.rmdir()  # when no other cluster is there
