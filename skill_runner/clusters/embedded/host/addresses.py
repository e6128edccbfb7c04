"""Free address ranges: what the host routes to, or has an address in, is left alone."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from skill_runner.clusters.embedded.settings import Addresses
from skill_runner.errors import ClusterLifecycleError

LINKS = [IPv4Network(f"100.64.{third}.0/30") for third in range(7, 64)]
PODS = [IPv4Network(f"10.{second}.0.0/16") for second in (*range(244, 255), *range(200, 244))]
SERVICES = [IPv4Network(f"10.{second}.0.0/16") for second in (*range(96, 128), *range(128, 160))]
EGRESS = [IPv4Network(f"10.0.{third}.0/24") for third in range(2, 64)]


def choose_addresses(taken: Iterable[IPv4Network], interfaces: Iterable[str]) -> Addresses:
    """The first ranges that overlap nothing. ClusterLifecycleError when none is left."""
    used = list(taken)
    names = set(interfaces)
    for number, link in enumerate(LINKS):
        if f"skill{number}" in names or _overlaps(link, used):
            continue
        return Addresses(
            number=number,
            link=str(link),
            pods=str(_first_free(PODS, used, "pods")),
            services=str(_first_free(SERVICES, used, "Services")),
            egress=str(_first_free(EGRESS, used, "egress")),
        )
    raise _none_left("the host's link to the node", LINKS)


def _first_free(candidates: list[IPv4Network], used: list[IPv4Network], what: str) -> IPv4Network:
    for candidate in candidates:
        if not _overlaps(candidate, used):
            return candidate
    raise _none_left(what, candidates)


def _overlaps(candidate: IPv4Network, used: list[IPv4Network]) -> bool:
    return any(candidate.overlaps(network) for network in used)


def _none_left(what: str, candidates: list[IPv4Network]) -> ClusterLifecycleError:
    return ClusterLifecycleError(
        f"no free address range for {what}: this machine routes to every one of "
        f"{candidates[0]} … {candidates[-1]}",
        hint="`ip route show table all` lists what is taken.",
    )


def host_networks() -> list[IPv4Network]:
    """Every range that the host routes to or has an address in, and its name servers."""
    found = [
        IPv4Network(route["dst"], strict=False)
        for route in _ip("route", "show", "table", "all")
        if route.get("dst", "default") != "default"
    ]
    for link in _ip("addr"):
        found.extend(
            IPv4Network(f"{info['local']}/{info['prefixlen']}", strict=False)
            for info in link.get("addr_info", [])
            if info.get("family") == "inet"
        )
    return [network for network in found if network.prefixlen > 0] + _name_servers()


def host_interfaces() -> set[str]:
    """Those of this process's network namespace; /sys may show another's."""
    return {name for _, name in socket.if_nameindex()}


def _name_servers() -> list[IPv4Network]:
    found = []
    try:
        lines = Path("/etc/resolv.conf").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and ":" not in words[1]:
            found.append(IPv4Network(IPv4Address(words[1])))
    return found


def _ip(*arguments: str) -> list[dict[str, Any]]:
    answer = subprocess.run(
        ["ip", "-json", "-4", *arguments], capture_output=True, text=True, check=True
    )
    parsed: list[dict[str, Any]] = json.loads(answer.stdout or "[]")
    return parsed
