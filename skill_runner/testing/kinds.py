"""The kinds that a fresh cluster serves; a CustomResourceDefinition adds its own."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from skill_runner.backends.base import ResourceType
from skill_runner.objects import Object, plural_of

_VERBS: Final = ("create", "delete", "get", "list", "patch", "update", "watch")

_NAMESPACED: Final[dict[str, str]] = {
    "v1": "ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod ReplicationController "
    "ResourceQuota Secret Service ServiceAccount",
    "apps/v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "coordination.k8s.io/v1": "Lease",
    "discovery.k8s.io/v1": "EndpointSlice",
    "events.k8s.io/v1": "Event",
    "networking.k8s.io/v1": "Ingress NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding",
}
_CLUSTER: Final[dict[str, str]] = {
    "v1": "Namespace Node PersistentVolume",
    "admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration "
    "ValidatingWebhookConfiguration",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "apiregistration.k8s.io/v1": "APIService",
    "networking.k8s.io/v1": "IngressClass",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "StorageClass",
}


@cache
def built_in() -> tuple[ResourceType, ...]:
    """List what every cluster serves."""
    return tuple(
        ResourceType(version, kind, plural_of(kind), namespaced, _VERBS)
        for table, namespaced in ((_NAMESPACED, True), (_CLUSTER, False))
        for version, kinds in table.items()
        for kind in kinds.split()
    )


def defined_by(crd: Object) -> tuple[ResourceType, ...]:
    """List what a CustomResourceDefinition adds."""
    spec: dict[str, Any] = crd.get("spec") or {}
    names = spec.get("names") or {}
    return tuple(
        ResourceType(
            f"{spec.get('group')}/{version['name']}",
            names.get("kind", ""),
            names.get("plural", ""),
            spec.get("scope") == "Namespaced",
            _VERBS,
        )
        for version in spec.get("versions") or ()
        if version.get("served", True)
    )
