"""The nodes that live: the table of processes is the record, so no stale file is trusted."""

from __future__ import annotations

import datetime
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skill_runner.clusters.embedded.settings import Node
from skill_runner.processes.isolation import python_command

MODULE: Final = "skill_runner.clusters.embedded.node"


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the host's table. `memory` is resident bytes, `started` seconds since 1970.

    `owner` is the number of its user, `here` whether it is in this process's own PID namespace.
    """

    pid: int
    command: tuple[str, ...]
    memory: int
    started: float
    owner: int = 0
    here: bool = True

    @property
    def since(self) -> str:
        moment = datetime.datetime.fromtimestamp(self.started, datetime.UTC)
        return moment.astimezone().isoformat(timespec="seconds")


def node_command(node: Node, host_network: int, host_mounts: int) -> list[str]:
    """The command line whose process is the node."""
    namespaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child"]
    inside = python_command("-m", MODULE, node.folder, str(host_network), str(host_mounts))
    return ["unshare", *namespaces, "--mount-proc", "--propagation=private", *inside]


def find_node_process(folder: Path) -> Process | None:
    """The process that holds the node of a cluster's folder: end it, and the node is gone."""
    return next((p for p in all_processes() if node_folder(p) == folder), None)


def running_folders() -> list[Path]:
    """The folders of all running nodes."""
    return [folder for process in all_processes() if (folder := node_folder(process))]


def node_folder(process: Process) -> Path | None:
    """The folder of the cluster whose node this process holds; None for any other process.

    A command line proves nothing: another user may choose the same one, and so may a pod, whose
    root is root in the host's table, too. Only root starts nodes, outside of every pod.
    """
    command = process.command
    if command[:1] != ("unshare",) or MODULE not in command[:-1]:
        return None
    if process.owner != 0 or not process.here:
        return None
    return Path(command[command.index(MODULE) + 1])


def all_processes() -> list[Process]:
    found = [read_process(int(e.name)) for e in Path("/proc").iterdir() if e.name.isdigit()]
    return [process for process in found if process is not None]


def read_process(pid: int) -> Process | None:
    """One process, or nothing when it has gone or is a zombie."""
    folder = Path("/proc") / str(pid)
    try:
        command = (folder / "cmdline").read_bytes().decode(errors="replace").rstrip("\0")
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        owner = folder.stat().st_uid
        here = _namespace(folder) == _namespace(Path("/proc/self"))
    except OSError:
        return None
    if not command or fields[0] in "ZX":
        return None
    page, ticks = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    started = _boot_time() + int(fields[19]) / ticks
    words = tuple(command.split("\0"))
    return Process(pid, words, int(fields[21]) * page, started, owner, here)


def _namespace(process: Path) -> str:
    try:
        return os.readlink(process / "ns" / "pid")
    except PermissionError:
        return ""  # of another user, and so no node's


def _boot_time() -> int:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return int(line.split()[1])
    return 0


def kill(pid: int) -> None:
    """SIGKILL; no error when it has gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
