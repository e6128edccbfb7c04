"""A node's settings → the command line of each of its processes.                (pure)"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from skill_runner.clusters.embedded.settings import Node
from skill_runner.processes.isolation import python_command

FIRST_PORT = "2379"


@dataclass(frozen=True, slots=True)
class Component:
    """One process of the node. It is started again when it ends."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """Components that start together. `answer` is what they wait for: see `may_start`."""

    components: tuple[Component, ...]
    answer: Literal["", "any", "ok"] = ""

    def may_start(self, status: int) -> bool:
        """Tell whether to start, by the API server's HTTP status: 0 while nothing answers."""
        return {"": True, "any": status > 0, "ok": status == 200}[self.answer]


def components(node: Node) -> tuple[Component, ...]:
    """In the order in which they start."""
    return tuple(part for stage in stages(node) for part in stage.components)


def stages(node: Node) -> tuple[Stage, Stage, Stage]:
    """Order what starts when. Clients that start too early sit out their retry delays.

    The kubelet's rights are built in (the Node authorizer), so it need not wait for the roles,
    which the API server makes last.
    """
    coredns = Component("coredns", (node.tools["coredns"], "-conf", f"{node.path}/Corefile"))
    clients = (_controller_manager(node), _scheduler(node), _proxy(node), coredns)
    module = "skill_runner.clusters.embedded.node.addons"
    addons = Component("addons", tuple(python_command("-m", module, node.folder)))
    return (
        Stage((_etcd(node), _containerd(node), _apiserver(node), addons)),
        Stage((_kubelet(node),), "any"),
        Stage(clients, "ok"),
    )


def _etcd(node: Node) -> Component:
    certificates = node.certificates
    return Component(
        "etcd",
        (
            node.tools["etcd"],
            "--name=node",
            f"--data-dir={node.path}/etcd",
            f"--listen-client-urls=https://127.0.0.1:{FIRST_PORT}",
            f"--advertise-client-urls=https://127.0.0.1:{FIRST_PORT}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--initial-advertise-peer-urls=http://127.0.0.1:2380",
            "--initial-cluster=node=http://127.0.0.1:2380",
            f"--cert-file={certificates}/etcd.crt",
            f"--key-file={certificates}/etcd.key",
            f"--trusted-ca-file={certificates}/etcd-ca.crt",
            "--client-cert-auth",
            "--unsafe-no-fsync",  # the cluster is ephemeral: its state ends with its node
            "--log-level=warn",
        ),
    )


def _containerd(node: Node) -> Component:
    folders = [str(Path(node.tools[tool]).parent) for tool in ("containerd", "runc")]
    path = ":".join(dict.fromkeys([*folders, "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"]))
    return Component(
        "containerd",
        (node.tools["containerd"], "--config", f"{node.path}/containerd.toml", "--log-level=warn"),
        {"PATH": path, **node.environment},
    )


def _apiserver(node: Node) -> Component:
    addresses = node.addresses
    return Component(
        "kube-apiserver",
        (
            node.tools["kube-apiserver"],
            f"--advertise-address={addresses.node}",
            "--bind-address=0.0.0.0",  # of the node's own network namespace
            "--secure-port=6443",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            # It marks a new node until a controller has seen it ready: here, every first pod waits.
            "--disable-admission-plugins=TaintNodesByCondition",
            "--anonymous-auth=true",
            f"--service-cluster-ip-range={addresses.services}",
            f"--etcd-servers=https://127.0.0.1:{FIRST_PORT}",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            "--enable-aggregator-routing=true",
            f"--audit-policy-file={node.path}/audit-policy.yaml",
            f"--audit-log-path={node.audit_log}",
            "--audit-log-maxsize=100",
            "--audit-log-maxbackup=1",
            "--event-ttl=2h",
            "--profiling=false",
            *_apiserver_identities(node.certificates),
        ),
    )


def _apiserver_identities(certificates: Path) -> tuple[str, ...]:
    """Whom the API server believes, and what it shows of itself to whom."""
    return (
        f"--etcd-cafile={certificates}/etcd-ca.crt",
        f"--etcd-certfile={certificates}/etcd-client.crt",
        f"--etcd-keyfile={certificates}/etcd-client.key",
        f"--client-ca-file={certificates}/ca.crt",
        f"--tls-cert-file={certificates}/apiserver.crt",
        f"--tls-private-key-file={certificates}/apiserver.key",
        f"--kubelet-certificate-authority={certificates}/ca.crt",
        f"--kubelet-client-certificate={certificates}/apiserver-kubelet.crt",
        f"--kubelet-client-key={certificates}/apiserver-kubelet.key",
        f"--service-account-key-file={certificates}/service-accounts.pub",
        f"--service-account-signing-key-file={certificates}/service-accounts.key",
        f"--requestheader-client-ca-file={certificates}/front-proxy-ca.crt",
        f"--proxy-client-cert-file={certificates}/front-proxy-client.crt",
        f"--proxy-client-key-file={certificates}/front-proxy-client.key",
    )


def _controller_manager(node: Node) -> Component:
    certificates, addresses = node.certificates, node.addresses
    kubeconfig = f"{certificates}/controller-manager.kubeconfig"
    return Component(
        "kube-controller-manager",
        (
            node.tools["kube-controller-manager"],
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            "--allocate-node-cidrs=true",
            f"--cluster-cidr={addresses.pods}",
            f"--service-cluster-ip-range={addresses.services}",
            "--use-service-account-credentials=true",
            "--kube-api-qps=200",  # at the default of 20, its 40 controllers take 5 s to start
            "--kube-api-burst=400",
            f"--service-account-private-key-file={certificates}/service-accounts.key",
            f"--root-ca-file={certificates}/ca.crt",
            f"--cluster-signing-cert-file={certificates}/ca.crt",
            f"--cluster-signing-key-file={certificates}/ca.key",
            f"--requestheader-client-ca-file={certificates}/front-proxy-ca.crt",
            "--profiling=false",
        ),
    )


def _scheduler(node: Node) -> Component:
    kubeconfig = f"{node.certificates}/scheduler.kubeconfig"
    return Component(
        "kube-scheduler",
        (
            node.tools["kube-scheduler"],
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            "--profiling=false",
        ),
    )


def _kubelet(node: Node) -> Component:
    return Component(
        "kubelet",
        (
            node.tools["kubelet"],
            f"--config={node.path}/kubelet.yaml",
            f"--kubeconfig={node.certificates}/kubelet.kubeconfig",
            "--root-dir=/var/lib/kubelet",  # the node's own: see mounts.py
            f"--hostname-override={node.name}",
            f"--node-ip={node.addresses.node}",
        ),
    )


def _proxy(node: Node) -> Component:
    return Component(
        "kube-proxy",
        (
            node.tools["kube-proxy"],
            f"--kubeconfig={node.certificates}/proxy.kubeconfig",
            "--proxy-mode=nftables",
            f"--cluster-cidr={node.addresses.pods}",
            f"--hostname-override={node.name}",
            "--bind-address=127.0.0.1",
            "--metrics-bind-address=127.0.0.1:10249",
            "--healthz-bind-address=127.0.0.1:10256",
            "--nodeport-addresses=primary",
            "--conntrack-max-per-core=0",
            "--oom-score-adj=0",
        ),
    )


def list_command(node: Node, ref: str) -> list[str]:
    """Print the name of an image if containerd has it."""
    address = f"--address={node.containerd_socket}"
    images = ["--namespace=k8s.io", "images", "ls", "--quiet", f"name=={ref}"]
    return [node.tools["ctr"], address, *images]


def import_command(node: Node, archive: Path) -> list[str]:
    """Load an image archive into the node's containerd."""
    address = f"--address={node.containerd_socket}"
    return [node.tools["ctr"], address, "--namespace=k8s.io", "images", "import", str(archive)]
