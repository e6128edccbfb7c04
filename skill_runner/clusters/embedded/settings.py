"""The settings of a node: one value, written by the provider and read by the node.

All files of a cluster are below two folders: `folder` (state, on disk) and `run_folder` (sockets).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Literal

from skill_runner.clusters.registries import Registries

FILE = "node.json"
RESOLVER_PORT = 10053

WayOut = Literal["", "slirp4netns", "nat"]
"""How pods reach what is outside: not at all, by user-mode networking, or through the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The address ranges of one cluster; `number` names its link on the host (skill0, …)."""

    number: int
    link: str
    pods: str
    services: str
    egress: str

    @property
    def interface(self) -> str:
        return f"skill{self.number}"

    @property
    def host(self) -> str:
        """The host's end of the link."""
        return str(IPv4Network(self.link)[1])

    @property
    def node(self) -> str:
        """The node's end of the link: its address for the API server, NodePorts and DNS."""
        return str(IPv4Network(self.link)[2])

    @property
    def node_pods(self) -> str:
        """The share of the pods' range that this node hands out."""
        return str(next(IPv4Network(self.pods).subnets(new_prefix=24)))

    def service(self, number: int) -> str:
        return str(IPv4Address(int(IPv4Network(self.services).network_address) + number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Everything about one node."""

    name: str
    folder: str
    run_folder: str
    addresses: Addresses
    tools: dict[str, str]
    """Paths of binaries by name."""
    cgroups: tuple[str, ...]
    """The cluster's directory in every cgroup hierarchy."""
    cgroup_version: int = 1
    snapshotter: str = "overlayfs"
    way_out: WayOut = ""
    slirp_options: tuple[str, ...] = ()
    registries: Registries = field(default_factory=Registries)
    environment: dict[str, str] = field(default_factory=dict)
    """What containerd's pulls need: proxies, certificates to trust."""
    created: str = ""
    """When `up` made it, in ISO 8601."""

    @property
    def path(self) -> Path:
        return Path(self.folder)

    @property
    def run_path(self) -> Path:
        return Path(self.run_folder)

    @property
    def certificates(self) -> Path:
        return self.path / "certificates"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def temporary(self) -> Path:
        return self.path / "tmp"

    @property
    def kubeconfig(self) -> Path:
        return self.path / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        return self.path / "audit.log"

    @property
    def containerd_socket(self) -> Path:
        return self.run_path / "containerd.sock"

    @property
    def server(self) -> str:
        return f"https://{self.addresses.node}:6443"

    @property
    def name_server(self) -> str:
        """Return where outside names are looked up, as address or address:port; or empty."""
        if self.way_out == "slirp4netns":
            return str(IPv4Network(self.addresses.egress)[3])
        return f"{self.addresses.host}:{RESOLVER_PORT}" if self.way_out == "nat" else ""

    @property
    def cgroup(self) -> str:
        """The cluster's cgroup, as a path in each hierarchy."""
        return f"/skill-{self.name}"

    def write(self) -> None:
        write_private(self.path / FILE, json.dumps(asdict(self), indent=2))


def write_private(path: Path, text: str) -> None:
    """A file that only its owner reads: settings hold logins (of proxies, of registries)."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)


def read_node(folder: Path) -> Node:
    """The node of a cluster's folder. OSError, ValueError, KeyError or TypeError if it is none."""
    data = json.loads((folder / FILE).read_text())
    data["addresses"] = Addresses(**data["addresses"])
    registries = data["registries"]
    registries["insecure"] = tuple(registries["insecure"])
    data["registries"] = Registries(**registries)
    data["cgroups"] = tuple(data["cgroups"])
    data["slirp_options"] = tuple(data.get("slirp_options", ()))
    known = {each.name for each in fields(Node)}  # another version may have written more
    return Node(**{name: value for name, value in data.items() if name in known})
