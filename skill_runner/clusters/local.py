"""Tell whether an API server is on this machine, by where its address leads; names decide nothing.

A context called kind-prod may lead anywhere, so only the address counts, and only where nothing
stands between: behind a proxy, 127.0.0.1 is the proxy's machine.
"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from skill_runner.clusters.embedded.host.processes import running_folders
from skill_runner.clusters.embedded.settings import read_node

Address = IPv4Address | IPv6Address

# Docker Desktop and Rancher Desktop enter the second pair in the host's own file of names.
NAMES: Final = frozenset({"localhost", "kubernetes.docker.internal", "host.docker.internal"})
# Names in the certificates of clusters that serve themselves; any other name is another machine's.
CERTIFIED: Final = NAMES | {"kubernetes", "kubernetes.default", "kubernetes.default.svc"}
_URL: Final = re.compile(r"https?://[A-Za-z0-9.:%\[\]-]+/?")  # no user, no path, nothing doubtful
_ROUTES: Final = Path("/proc/net/route")
_INTERFACES: Final = Path("/sys/class/net")
_NONLOCAL: Final = Path("/proc/sys/net/ipv4/ip_nonlocal_bind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The addresses on this machine: its `own` addresses, the `nodes` of clusters of ours, and the
    networks of software `bridges`, such as those of Docker, Podman and libvirt."""

    own: Callable[[Address], bool]
    nodes: Collection[str] = ()
    bridges: Collection[IPv4Network] = ()


def is_local(server: str, host: Host, *, proxy: str = "", tls_server_name: str = "") -> bool:
    """Tell whether a server of a kubeconfig is on this machine; what is doubtful is not."""
    if proxy or not _URL.fullmatch(server):
        return False
    if tls_server_name and tls_server_name.lower() not in CERTIFIED:
        return False  # a tunnel's end is here, and its server elsewhere
    name = urlsplit(server).hostname or ""
    if name in NAMES:
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback or address.is_unspecified:  # k3d writes 0.0.0.0
        return True
    if address.is_multicast:
        return False
    return (
        str(address) in host.nodes
        or any(address in network for network in host.bridges)
        or host.own(address)
    )


def this_host() -> Host:
    """This machine as it is now."""
    return Host(own=has_address, nodes=node_addresses(), bridges=bridge_networks())


def node_addresses() -> tuple[str, ...]:
    """The addresses of the embedded clusters that run."""
    found = []
    for folder in running_folders():
        with suppress(OSError, ValueError, KeyError, TypeError):  # another version made it
            found.append(read_node(folder).addresses.node)
    return tuple(found)


def has_address(address: Address) -> bool:
    """Tell whether an interface of this machine has that address: a socket can be bound to it."""
    if _NONLOCAL.is_file() and _NONLOCAL.read_text().strip() != "0":
        return False
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as bound:
            bound.bind((str(address), 0))
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EINVAL, errno.EAFNOSUPPORT, errno.EACCES):
            return False
        raise
    return True


def bridge_networks(
    routes: Path = _ROUTES, interfaces: Path = _INTERFACES
) -> tuple[IPv4Network, ...]:
    """The networks behind bridges that have no network card: only this machine is in them."""
    if not routes.is_file():
        return ()
    found = []
    for line in routes.read_text().splitlines()[1:]:
        name, target, gateway, _flags, _references, _use, _metric, mask = line.split()[:8]
        prefix = int(mask, 16).bit_count()
        if gateway == "00000000" and prefix and _is_closed_bridge(interfaces / name):
            address = IPv4Address(int.from_bytes(bytes.fromhex(target), "little"))
            found.append(IPv4Network((address, prefix)))
    return tuple(found)


def _is_closed_bridge(interface: Path) -> bool:
    """Tell whether an interface is a bridge of which no port leads out: none is a network card, or
    is made on top of one (VLAN, bond)."""
    ports = interface / "brif"
    if not ports.is_dir():
        return False
    devices = [interface.parent / port.name for port in ports.iterdir()]
    return not any((each / "device").exists() or any(each.glob("lower_*")) for each in devices)
