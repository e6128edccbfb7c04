"""A node's settings → the objects that every cluster has, by the path to apply them at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from skill_runner.clusters.embedded.api import Object
from skill_runner.clusters.embedded.node.storage import CLASS, storage_class
from skill_runner.clusters.embedded.settings import Node

DNS: Final = "kube-dns"
RBAC: Final = "rbac.authorization.k8s.io"
ROLE: Final = "skill:coredns"
NAMESPACES: Final = ("default", "kube-system")


def standing_objects(node: Node) -> dict[str, Object]:
    """Return what pods need before the controllers are up, then DNS and storage."""
    dns_binding = _object(f"{RBAC}/v1", "ClusterRoleBinding", ROLE) | {
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": ROLE},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": ROLE}],
    }
    service = _object("v1", "Service", DNS, "kube-system")
    service["metadata"]["labels"] = {"k8s-app": DNS, "kubernetes.io/name": "CoreDNS"}
    service["spec"] = {"clusterIP": node.addresses.service(10), "ports": _dns_ports()}
    return {
        **dict(_accounts((node.certificates / "ca.crt").read_text())),
        f"/apis/storage.k8s.io/v1/storageclasses/{CLASS}": storage_class(),
        f"/apis/{RBAC}/v1/clusterroles/{ROLE}": _dns_role(),
        f"/apis/{RBAC}/v1/clusterrolebindings/{ROLE}": dns_binding,
        f"/api/v1/namespaces/kube-system/services/{DNS}": service,
        f"/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/{DNS}-node": (
            _dns_endpoints(node)
        ),
    }


def _accounts(authority: str) -> Iterator[tuple[str, Object]]:
    """Make what two controllers make in every namespace, so that no first pod waits for them."""
    for namespace in NAMESPACES:
        root = f"/api/v1/namespaces/{namespace}"
        yield (
            f"{root}/serviceaccounts/default",
            _object("v1", "ServiceAccount", "default", namespace),
        )
        trust = _object("v1", "ConfigMap", "kube-root-ca.crt", namespace)
        yield f"{root}/configmaps/kube-root-ca.crt", trust | {"data": {"ca.crt": authority}}


def _dns_role() -> Object:
    watched = {"": ["services", "pods", "namespaces"], "discovery.k8s.io": ["endpointslices"]}
    rules = [
        {"apiGroups": [group], "resources": resources, "verbs": ["list", "watch"]}
        for group, resources in watched.items()
    ]
    return _object(f"{RBAC}/v1", "ClusterRole", ROLE) | {"rules": rules}


def _dns_endpoints(node: Node) -> Object:
    slice_ = _object("discovery.k8s.io/v1", "EndpointSlice", f"{DNS}-node", "kube-system")
    slice_["metadata"]["labels"] = {"kubernetes.io/service-name": DNS}
    return slice_ | {
        "addressType": "IPv4",
        "endpoints": [{"addresses": [node.addresses.node], "conditions": {"ready": True}}],
        "ports": _dns_ports(),
    }


def _dns_ports() -> list[dict[str, Any]]:
    return [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]


def _object(version: str, kind: str, name: str, namespace: str = "") -> Object:
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **place}}
