"""Report what runs in a cluster, read from the host's table of processes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from skill_runner.clusters.base import ClusterInfo, ComponentInfo
from skill_runner.clusters.embedded import cgroups
from skill_runner.clusters.embedded.components import components
from skill_runner.clusters.embedded.host import processes
from skill_runner.clusters.embedded.settings import Node


def describe(node: Node, info: ClusterInfo) -> ClusterInfo:
    """The cluster with its components and its memory."""
    keeper = processes.find_node_process(node.path)
    if keeper is None:
        return replace(
            info,
            running=False,
            ready=False,
            note="its node has stopped (killed, or the machine restarted); `skill cluster up` "
            "starts a new one, `skill cluster down` removes it",
        )
    members = cgroups.processes_in(tuple(f"{group}/{cgroups.NODE}" for group in node.cgroups))
    alive = [process for pid in members if (process := processes.read_process(pid))]
    names = [part.name for part in components(node)] + ["slirp4netns"] * (
        node.way_out == "slirp4netns"
    )
    return replace(
        info,
        since=keeper.since,
        memory=cgroups.memory_in_use(node.cgroups),
        components=tuple(_component(name, alive) for name in names),
    )


def _component(name: str, alive: list[processes.Process]) -> ComponentInfo:
    for process in alive:
        words = process.command[:1] if name != "addons" else process.command[2:3]
        if words and Path(words[0]).name.rpartition(".")[2] == name:
            return ComponentInfo(
                name=name,
                running=True,
                pid=process.pid,
                memory=process.memory,
                since=process.since,
            )
    return ComponentInfo(name=name, running=False)
