"""Which nodes live: the table of processes is the record, so there is no stale file to trust."""

from __future__ import annotations

import datetime
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skill_runner.clusters.embedded.settings import Node
from skill_runner.isolation import python_command

MODULE: Final = "skill_runner.clusters.embedded.node"


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the host's table. `memory` is resident bytes, `started` seconds since 1970."""

    pid: int
    command: tuple[str, ...]
    memory: int
    started: float

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
    for process in all_processes():
        if process.command[:1] == ("unshare",) and _is_node_of(process, folder):
            return process
    return None


def running_folders() -> list[Path]:
    """The folders of all running nodes."""
    return [
        Path(process.command[process.command.index(MODULE) + 1])
        for process in all_processes()
        if process.command[:1] == ("unshare",) and MODULE in process.command[:-1]
    ]


def _is_node_of(process: Process, folder: Path) -> bool:
    command = process.command
    return MODULE in command[:-1] and command[command.index(MODULE) + 1] == str(folder)


def all_processes() -> list[Process]:
    found = [read_process(int(e.name)) for e in Path("/proc").iterdir() if e.name.isdigit()]
    return [process for process in found if process is not None]


def read_process(pid: int) -> Process | None:
    """One process, or nothing when it has gone or is a zombie."""
    folder = Path("/proc") / str(pid)
    try:
        command = (folder / "cmdline").read_bytes().decode(errors="replace").rstrip("\0")
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    if not command or fields[0] in "ZX":
        return None
    page, ticks = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    started = _boot_time() + int(fields[19]) / ticks
    return Process(pid, tuple(command.split("\0")), int(fields[21]) * page, started)


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
