"""A node's settings → the configuration files of its parts, as text.           (pure)"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from skill_runner.clusters.embedded.pause_image import IMAGE
from skill_runner.clusters.embedded.settings import RESOLVER_PORT, Node
from skill_runner.clusters.registries import registry_hosts

CLUSTER_DOMAIN: Final = "cluster.local"
MEBIBYTE: Final = 1024**2


def configuration_files(node: Node, memory: int) -> dict[Path, str]:
    """Every file by its path. `memory` is the machine's, in bytes; reservations follow it."""
    # Pods with `dnsPolicy: Default` and the node itself read it, for image pulls too.
    own = node.way_out == "slirp4netns"  # it needs no CoreDNS
    resolv_conf = f"nameserver {node.name_server if own else node.addresses.node}\n"
    files = {
        node.path / "kubelet.yaml": _json(_kubelet(node, memory)),
        node.path / "containerd.toml": _containerd(node),
        node.path / "Corefile": _corefile(node),
        node.path / "audit-policy.yaml": _json(_audit_policy()),
        node.path / "cni" / "10-skill.conflist": _json(_cni(node)),
        node.path / "resolv.conf": resolv_conf,
    }
    if node.way_out == "nat":
        files[node.path / "forwarding.nft"] = _forwarding(node)
        files[node.path / "resolver.Corefile"] = _resolver(node)
    for host, text in registry_hosts(node.registries).items():
        files[node.path / "certs.d" / host / "hosts.toml"] = text
    return files


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"


# Bytes, not shares of the disk: half full is no reason to refuse a pod here.
EVICTION: Final = {
    "memory.available": "200Mi",
    "nodefs.available": "1Gi",
    "imagefs.available": "1Gi",
    "nodefs.inodesFree": "1%",
}


def _kubelet(node: Node, memory: int) -> dict[str, Any]:
    certificates = node.certificates
    reserved = min(1024, memory // MEBIBYTE // 8)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.addresses.node,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(certificates / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(certificates / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(certificates / "kubelet-server.key"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": node.cgroup,
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "containerRuntimeEndpoint": f"unix://{node.containerd_socket}",
        "clusterDNS": [node.addresses.node],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": str(node.path / "resolv.conf"),
        "podLogsDir": str(node.path / "pods"),
        "volumePluginDir": str(node.path / "volume-plugins"),
        "podPidsLimit": 8192,
        "serializeImagePulls": False,
        "enforceNodeAllocatable": ["pods"],
        "kubeReserved": {"cpu": "200m", "memory": f"{reserved}Mi"},
        "evictionHard": EVICTION,
        # Images that were loaded by hand cannot be pulled again, so they are not collected.
        "imageGCHighThresholdPercent": 100,
        "nodeStatusUpdateFrequency": "5s",
        "shutdownGracePeriod": "0s",
        "logging": {"verbosity": 1},
    }


def _containerd(node: Node) -> str:
    opt = node.path / "containerd-opt"
    return f"""version = 3
root = "{node.path}/containerd"
state = "{node.run_path}/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.erofs", "io.containerd.nri.v1.nri",
]

[grpc]
address = "{node.containerd_socket}"

[ttrpc]
address = "{node.containerd_socket}.ttrpc"

[plugins.'io.containerd.internal.v1.opt']
path = "{opt}"

[plugins.'io.containerd.image-verifier.v1.bindir']
bin_dir = "{opt}/verifiers"
{_cri(node)}"""


def _cri(node: Node) -> str:
    """Configure the kubelet's side of containerd: images, the runtime, the network."""
    cri = "plugins.'io.containerd.cri.v1"
    return f"""
[{cri}.images']
snapshotter = "{node.snapshotter}"
pinned_images = {{ sandbox = "{IMAGE}" }}

[{cri}.images'.registry]
config_path = "{node.registries.config or node.path / "certs.d"}"

[{cri}.runtime']
restrict_oom_score_adj = true
enable_unprivileged_ports = true
enable_unprivileged_icmp = true

[{cri}.runtime'.cni]
bin_dirs = ["{Path(node.tools["ptp"]).parent}"]
conf_dir = "{node.path}/cni"

[{cri}.runtime'.containerd]
default_runtime_name = "runc"

[{cri}.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[{cri}.runtime'.containerd.runtimes.runc.options]
BinaryName = "{node.tools["runc"]}"
SystemdCgroup = false
"""


def _corefile(node: Node) -> str:
    upstream = (
        f"    forward . {node.name_server} {{\n        max_concurrent 1000\n    }}\n"
        if node.name_server
        else ""
    )
    return f""".:53 {{
    bind {node.addresses.node}
    errors
    health 127.0.0.1:8080
    ready 127.0.0.1:8181
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig {node.certificates}/coredns.kubeconfig
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }}
{upstream}    cache 5
    loadbalance
}}
"""


def _audit_policy() -> dict[str, Any]:
    """Every write, at Metadata level, but for the heartbeats and events of the system itself."""
    system = ["system:nodes", "system:masters", "system:authenticated"]
    components = [
        "system:kube-controller-manager",
        "system:kube-scheduler",
        "system:kube-proxy",
        "system:apiserver",
    ]
    leases = {"group": "coordination.k8s.io", "resources": ["leases"]}
    events = [{"group": group, "resources": ["events"]} for group in ("", "events.k8s.io")]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "verbs": ["get", "list", "watch"]},
            {"level": "None", "userGroups": system[:1], "resources": [leases, *events]},
            {"level": "None", "users": components, "resources": [leases, *events]},
            {"level": "Metadata"},
        ],
    }


def _cni(node: Node) -> dict[str, Any]:
    return {
        "cniVersion": "1.0.0",
        "name": "skill",
        "plugins": [
            {
                "type": "ptp",
                "mtu": 1500,
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(node.path / "cni-addresses"),
                    "ranges": [[{"subnet": node.addresses.node_pods}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "backend": "nftables", "capabilities": {"portMappings": True}},
        ],
    }


def _forwarding(node: Node) -> str:
    """The cluster's own table on the host, as one line, which is how nft takes it while it stays.

    Its owner is that nft, a process of the node: the table ends with it.
    """
    name, link, pods = node.addresses.interface, node.addresses.link, node.addresses.pods
    translate = f'ip saddr {{ {link}, {pods} }} oifname != "{name}" masquerade'
    refuse = f'iifname != "{name}" oifname "{name}" ct state new drop'
    return (
        f"table ip {name} {{ flags owner; "
        f"chain postrouting {{ type nat hook postrouting priority 100; {translate}; }}; "
        f"chain forward {{ type filter hook forward priority 0; {refuse}; }}; }}\n"
    )


def _resolver(node: Node) -> str:
    """A name server on the host's end of the link: the host's own may listen on loopback only."""
    return f""".:{RESOLVER_PORT} {{
    bind {node.addresses.host}
    errors
    forward . /etc/resolv.conf
    cache 5
}}
"""
