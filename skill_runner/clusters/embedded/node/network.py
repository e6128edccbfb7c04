"""The node's network: a link to the host, forwarding, and a way out.

The host's part is done from inside, by entering the host's network namespace through a descriptor
that the node was started with: so the link exists only while the node does, and whoever started the
node may be killed at any moment.

Only the host itself opens connections into the cluster by the link. Where the host forwards packets
anyway (a router, a machine with Docker), its neighbours would otherwise reach every pod.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from skill_runner.clusters.embedded.components import Component
from skill_runner.clusters.embedded.settings import Node

LINK = "eth0"
WAY_OUT = "tap0"


RULES: Final = """table ip skill {{
    chain postrouting {{
        type nat hook postrouting priority 100
        ip saddr {pods} oifname "{way_out}" masquerade
    }}
    chain arriving {{
        type filter hook prerouting priority -150
        iifname "{link}" ip saddr != {host} ct state new drop
    }}
}}
"""


def connect(node: Node, host_network: int, host_mounts: int) -> None:
    """Make the link and its routes on both ends. CalledProcessError if the kernel refuses."""
    addresses = node.addresses
    interface = addresses.interface
    _batch(
        [
            f"link add {interface} type veth peer name {LINK} netns 1",
            f"addr add {addresses.host}/30 dev {interface}",
            f"link set {interface} up",
            f"route add {addresses.pods} via {addresses.node} dev {interface}",
            f"route add {addresses.services} via {addresses.node} dev {interface}",
        ],
        enter=_enter(host_network, host_mounts),
    )
    _batch(
        [
            "link set lo up",
            f"addr add {addresses.node}/30 dev {LINK}",
            f"link set {LINK} up",
            f"route add default via {addresses.host} dev {LINK} metric 1000",
            # Each pod has a route of its own. Without this one, what is sent to a pod that is gone
            # would take the way out to the host, whose route leads back here, again and again.
            f"route add unreachable {addresses.pods}",
        ]
    )
    _forward()
    rules = RULES.format(pods=addresses.pods, host=addresses.host, way_out=WAY_OUT, link=LINK)
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, capture_output=True)
    if node.way_out == "nat":
        command = ["nft", "--check", "--file", f"{node.folder}/forwarding.nft"]
        enter = _enter(host_network, host_mounts)
        subprocess.run([*enter, *command], check=True, capture_output=True, text=True)


def _forward() -> None:
    """Let the node pass packets on."""
    settings = Path("/proc/sys/net")
    (settings / "ipv4/ip_forward").write_text("1")
    (settings / "ipv4/conf/all/rp_filter").write_text("0")
    # Nor does a connection of a process that is dead keep the whole network for two minutes.
    (settings / "ipv4/tcp_orphan_retries").write_text("1")


def way_out(node: Node, host_network: int, host_mounts: int) -> tuple[Component, ...]:
    """Return what leads to the outside: processes of the node that run in the host's network.

    The host's loopback stays hidden from the cluster.
    """
    enter = _enter(host_network, host_mounts)
    if node.way_out == "slirp4netns":
        return (_slirp(node, enter),)
    if not node.way_out:
        return ()
    # nft stays, as the owner of the cluster's table: so the kernel removes it with the node.
    script = '{ cat "$0"; exec sleep infinity; } | exec nft --interactive'
    nft = (*enter, "sh", "-c", script, f"{node.folder}/forwarding.nft")
    dns = (*enter, node.tools["coredns"], "-conf", f"{node.folder}/resolver.Corefile")
    return Component("forwarding", nft), Component("resolver", dns)


def _slirp(node: Node, enter: tuple[str, ...]) -> Component:
    return Component(
        "slirp4netns",
        (
            *enter,
            node.tools["slirp4netns"],
            "--configure",
            "--mtu=65520",
            "--disable-host-loopback",
            *node.slirp_options,
            f"--cidr={node.addresses.egress}",
            "--netns-type=path",
            "/proc/self/fd/0",
            WAY_OUT,
        ),
    )


def _enter(host_network: int, host_mounts: int) -> tuple[str, ...]:
    descriptors = f"/proc/1/fd/{host_network}", f"/proc/1/fd/{host_mounts}"
    return ("nsenter", f"--net={descriptors[0]}", f"--mount={descriptors[1]}")


def _batch(lines: list[str], enter: tuple[str, ...] = ()) -> None:
    subprocess.run(
        [*enter, "ip", "-batch", "-"],
        input="\n".join(lines) + "\n",
        text=True,
        check=True,
        capture_output=True,
    )
