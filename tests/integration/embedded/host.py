"""What a cluster could leave on the host, as a set of lines; and the `skill` command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from skill_runner.clusters.embedded.cgroups import hierarchies, processes_in
from skill_runner.clusters.embedded.host import processes
from skill_runner.clusters.embedded.node.mounts import KERNEL_SETTINGS
from skill_runner.clusters.embedded.settings import Node, read_node

FOLDERS = (
    "/var/lib",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/lib/kube-skills",
    "/var/log/pods",
    "/var/log/containers",
    "/run",
    "/run/kube-skills",
    "/run/netns",
    "/run/containerd",
    "/opt",
    "/opt/containerd",
    "/etc/cni",
    "/etc/cni/net.d",
    "/etc/kubernetes",
    "/dev/shm",
)
SETTINGS = (*KERNEL_SETTINGS, "net/ipv4/ip_forward", "net/ipv4/conf/all/rp_filter")


def skill(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command; its output is text."""
    return subprocess.run(
        [sys.executable, "-m", "skill_runner", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=1800 if "--timeout" in arguments else 240,
    )


def skill_ok(*arguments: str) -> str:
    answer = skill(*arguments)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def host_state(name: str) -> set[str]:
    """Everything about the host that a cluster called `name` could change.

    Other clusters may come and go meanwhile (tests side by side): what carries their names is left
    out; what carries ours, or nobody's, counts.
    """
    lines = {f"process {' '.join(p.command)}" for p in processes.all_processes() if _ours(p, name)}
    lines |= {f"mount {line}" for line in _lines("/proc/self/mounts")}
    lines |= {f"link {entry.name}" for entry in Path("/sys/class/net").iterdir()}
    lines |= {f"route {line}" for line in _output("ip", "route", "show", "table", "all")}
    lines |= {f"nft {line}" for line in _output("nft", "list", "ruleset")}
    for root in hierarchies():
        lines |= {f"cgroup {entry}" for entry in root.iterdir() if entry.is_dir()}
    for folder in map(Path, FOLDERS):
        if folder.is_dir():
            lines |= {f"file {entry}" for entry in folder.iterdir()}
    lines |= {f"setting {s} {Path('/proc/sys', s).read_text().strip()}" for s in SETTINGS}
    others = _others(name)
    return {line for line in lines if not any(other in line for other in others)}


def listening(node: Node, network: str = "/proc/self/ns/net") -> set[str]:
    """Where the cluster's processes listen in a network, the host's by default: address:port."""
    pids = {pid for pid in processes_in(node.cgroups) if _is_in(pid, network)}
    lines = _output("nsenter", f"--net={network}", "ss", "-Hltunp")
    return {line.split()[4] for line in lines if any(f"pid={pid}," in line for pid in pids)}


def network_of(node: Node) -> str:
    """The node's own network, by the process that lives as long as the node."""
    process = processes.find_node_process(Path(node.folder))
    assert process is not None
    return f"/proc/{process.pid}/ns/net"


def _is_in(pid: int, network: str) -> bool:
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat(network).st_ino
    except OSError:
        return False  # it has ended meanwhile


def _ours(process: processes.Process, name: str) -> bool:
    return any(f"/kube-skills/{name}" in word for word in process.command)


def _others(name: str) -> set[str]:
    found = set()
    for folder in processes.running_folders():
        if folder.name != name:
            try:
                addresses = read_node(folder).addresses
            except (OSError, ValueError):
                continue
            found |= {
                f"/{folder.name}",
                f"skill-{folder.name}",
                addresses.interface,
                addresses.host,
            }
    return found


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _output(*command: str) -> list[str]:
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return answer.stdout.splitlines()


def status(name: str) -> dict[str, object]:
    answer = skill("cluster", "status", "--name", name, "-o", "json")
    parsed: dict[str, object] = json.loads(answer.stdout)
    return parsed
