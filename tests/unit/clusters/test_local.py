"""Local is where the server is: a table of addresses, and of tricks with names."""

from __future__ import annotations

import socket
from ipaddress import IPv4Network, ip_address
from pathlib import Path

import pytest
import yaml

from skill_runner.cli.target import Asked, choose_target
from skill_runner.clusters import local
from skill_runner.clusters.local import Host, bridge_networks, has_address, is_local
from skill_runner.errors import Refused

HOST = Host(
    own=lambda address: str(address) in ("192.0.2.7", "2001:db8::7"),
    nodes=("100.64.7.2",),
    bridges=(IPv4Network("172.18.0.0/16"), IPv4Network("192.168.49.0/24")),
)

SERVERS = {
    "https://127.0.0.1": True,
    "https://127.0.0.1:6443": True,
    "https://127.8.9.1:6443/": True,
    "https://[::1]:6443": True,
    "https://[::ffff:127.0.0.1]:6443": True,
    "http://localhost": True,
    "https://LOCALHOST:6443": True,
    "https://0.0.0.0:6550": True,
    "https://[::]:6550": True,
    "https://kubernetes.docker.internal:6443": True,
    "https://192.0.2.7:6443": True,
    "https://[2001:db8::7]:6443": True,
    "https://100.64.7.2:6443": True,  # ours
    "https://172.18.0.2:6443": True,
    "https://192.168.49.2:8443": True,  # kind's, minikube's
    # A private address is not this machine's; nor are names that only look like it.
    "https://192.168.1.10:6443": False,
    "https://10.0.0.1": False,
    "https://203.0.113.9": False,
    "https://prod.example.com": False,
    "https://[2001:db8::8]:6443": False,
    "https://100.64.7.6:6443": False,
    "https://[::ffff:203.0.113.9]": False,
    "https://localhost.example.com": False,
    "https://127.0.0.1.example.com": False,
    "https://127.0.0.1@prod.example.com": False,
    "https://127.0.0.1:6443@prod.example.com": False,
    "https://127.0.0.1#@prod.example.com": False,
    "https://127.0.0.1\\@prod.example.com": False,
    "https://127.0.0.1/@prod.example.com": False,
    "https://127.0.0.1 .example.com": False,
    "https://127.1": False,
    "https://2130706433": False,
    "https://0x7f.0.0.1": False,
    "https://prod.example.com/127.0.0.1": False,
    "https://224.0.0.1": False,
    "unix:///run/api.sock": False,
    "127.0.0.1:6443": False,
    "": False,
    "https://": False,
    "https://127.0.0.1\n": False,
}


@pytest.mark.parametrize("server", SERVERS)
def test_the_address_decides(server: str) -> None:
    assert is_local(server, HOST) is SERVERS[server]


def test_behind_a_proxy_nothing_is_local() -> None:
    assert not is_local("https://127.0.0.1:6443", HOST, proxy="http://proxy.example.com:3128")
    assert not is_local("https://localhost:6443", HOST, proxy="socks5://127.0.0.1:1080")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("localhost", True), ("kubernetes", True), ("prod.example.com", False), ("10.0.0.1", False)],
)
def test_a_tunnel_s_end_is_not_its_server(name: str, expected: bool) -> None:
    assert is_local("https://127.0.0.1:6443", HOST, tls_server_name=name) is expected


def kubeconfig(folder: Path, context: str, **cluster: str) -> str:
    path = folder / "config"
    config = {
        "current-context": context,
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {}}],
    }
    path.write_text(yaml.safe_dump(config))
    return str(path)


@pytest.mark.parametrize("context", ["kind-prod", "minikube", "docker-desktop", "k3d-x", "prod"])
@pytest.mark.parametrize(
    "cluster",
    [
        {"server": "https://prod.example.com:6443"},
        {"server": "https://203.0.113.9:6443"},
        {"server": "https://127.0.0.1:6443", "proxy-url": "http://proxy.example.com"},
        {"server": "https://127.0.0.1:6443", "tls-server-name": "prod.example.com"},
    ],
)
async def test_no_name_of_a_context_makes_it_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: str, cluster: dict[str, str]
) -> None:
    path = kubeconfig(tmp_path, context, **cluster)
    monkeypatch.setenv("KUBECONFIG", path)
    with pytest.raises(Refused, match="is not on this machine"):
        await choose_target(Asked())
    named = await choose_target(Asked(context=context))
    assert named.server == cluster["server"]
    if context == "kind-prod":
        with pytest.raises(Refused, match="is not on this machine"):
            await choose_target(Asked(cluster="prod"))


@pytest.mark.parametrize("context", ["kind-kind", "default"])
async def test_what_is_here_needs_no_name(tmp_path: Path, context: str) -> None:
    path = kubeconfig(tmp_path, context, server="https://127.0.0.1:36443")
    found = await choose_target(Asked(kubeconfig=path))
    assert (found.context, found.server) == (context, "https://127.0.0.1:36443")


def test_an_address_of_this_machine_is_one_that_a_socket_can_have() -> None:
    assert has_address(ip_address("127.0.0.1"))
    assert not has_address(ip_address("203.0.113.9"))  # TEST-NET-3: nobody's
    assert not has_address(ip_address("2001:db8::8"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:
        try:
            outward.connect(("203.0.113.9", 9))  # sends nothing, and chooses our own address
        except OSError:
            pytest.skip("this machine has no route out")
        assert has_address(ip_address(outward.getsockname()[0]))


ROUTES = """Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
br-kind\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
br-lan\t0003A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
br-vlan\t0004A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
br-kind\t000014AC\t020012AC\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0
"""


def test_a_bridge_with_a_network_card_is_a_network_of_others(tmp_path: Path) -> None:
    (tmp_path / "routes").write_text(ROUTES)
    interfaces = tmp_path / "net"
    for bridge, port in (("br-kind", "veth1"), ("br-lan", "eth1"), ("br-vlan", "eth2.7")):
        (interfaces / bridge / "brif" / port).mkdir(parents=True)
        (interfaces / port).mkdir()
    (interfaces / "eth0" / "device").mkdir(parents=True)
    (interfaces / "eth1" / "device").mkdir()
    (interfaces / "eth2.7" / "lower_eth2").mkdir()
    found = bridge_networks(tmp_path / "routes", interfaces)
    assert found == (IPv4Network("172.18.0.0/16"),)
    assert bridge_networks(tmp_path / "none", interfaces) == ()


def test_this_machine_can_be_asked() -> None:
    assert is_local("https://127.0.0.1:6443", local.this_host())
    assert not is_local("https://203.0.113.9:6443", local.this_host())
