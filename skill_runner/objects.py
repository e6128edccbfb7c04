"""Reading fields of objects whose status may lack anything: every reader has an answer for none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from skill_runner.text.quoting import excerpt, named

Object = dict[str, Any]  # a Kubernetes object as the API gives it

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
OURS: Final[Mapping[str, str]] = {MANAGED_BY: "skill-runner"}  # on every object that we make

# Kinds without a namespace; of the API server itself, and of what the skills meet. Others whose
# name begins with Cluster are taken for such by the convention of the field (ClusterIssuer, …).
CLUSTER_SCOPED: Final = frozenset(
    {
        "Namespace",
        "Node",
        "PersistentVolume",
        "StorageClass",
        "VolumeAttachment",
        "CSIDriver",
        "CSINode",
        "CustomResourceDefinition",
        "APIService",
        "PriorityClass",
        "RuntimeClass",
        "IngressClass",
        "GatewayClass",
        "FlowSchema",
        "PriorityLevelConfiguration",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "CertificateSigningRequest",
        "ServiceCIDR",
        "IPAddress",
        "VolumeAttributesClass",
        "DeviceClass",
        "ResourceSlice",
        "VolumeSnapshotClass",
        "VolumeSnapshotContent",
    }
)
_NAMESPACED_CLUSTERS: Final = frozenset({"Cluster", "ClusterClass"})  # CNPG's, Cluster API's

_IRREGULAR: Final = {"Endpoints": "endpoints"}


def at(obj: Any, path: str, default: Any = None) -> Any:
    """The value at a dotted path of mappings, or `default` where it is absent or null."""
    for key in path.split("."):
        if not isinstance(obj, Mapping):
            return default
        obj = obj.get(key)
    return default if obj is None else obj


def count(obj: Any, path: str, default: int = 0) -> int:
    """A count in a status: controllers leave zeros out. A count as text is read as a number."""
    number = as_int(at(obj, path))
    return default if number is None else number


def as_int(value: Any) -> int | None:
    """An integer from a number or its text (Argo Rollouts writes generations as text), or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isdigit():
        return int(value)
    return None


def generation(obj: Object) -> int:
    """metadata.generation; 0 for kinds that have none."""
    return count(obj, "metadata.generation")


def observed_generation(obj: Object) -> int | None:
    """status.observedGeneration as a number, or None where it is absent or no number."""
    return as_int(at(obj, "status.observedGeneration"))


def conditions(obj: Object) -> tuple[Mapping[str, Any], ...]:
    """status.conditions, without entries that are no conditions."""
    found = at(obj, "status.conditions", ())
    if not isinstance(found, list):
        return ()
    return tuple(c for c in found if isinstance(c, Mapping) and "type" in c)


def condition(obj: Object, kind: str) -> Mapping[str, Any] | None:
    """The condition of that type, or None."""
    return next((c for c in conditions(obj) if c["type"] == kind), None)


def is_true(cond: Mapping[str, Any] | None) -> bool:
    return cond is not None and str(cond.get("status")).lower() == "true"


def is_false(cond: Mapping[str, Any] | None) -> bool:
    return cond is not None and str(cond.get("status")).lower() == "false"


def says(cond: Mapping[str, Any]) -> str:
    """Quote what a condition says, as `Reason: “message”`; whichever of the two is there."""
    parts = [named(cond["reason"])] if cond.get("reason") else []
    parts += [excerpt(cond["message"], 240)] if cond.get("message") else []
    return ": ".join(parts) or f"{cond['type']} is {cond.get('status')}"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A reference to one object: `namespace` is None for cluster-scoped kinds."""

    api_version: str
    kind: str
    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"

    @staticmethod
    def of(obj: Mapping[str, Any]) -> Ref:
        """The reference of a Kubernetes object or manifest."""
        meta = obj.get("metadata") or {}
        return Ref(
            obj.get("apiVersion", ""),
            obj.get("kind", ""),
            meta.get("name", ""),
            meta.get("namespace"),
        )


def is_cluster_scoped(kind: str) -> bool:
    """Tell whether objects of a kind have no namespace, as far as its name tells."""
    if kind in CLUSTER_SCOPED:
        return True
    return kind.startswith("Cluster") and kind not in _NAMESPACED_CLUSTERS


def delivery_tool(labels: Mapping[str, str], notes: Mapping[str, str]) -> str:
    """The tool that delivered an object from a repository, by the marks that it documents; empty
    where none did."""
    if tracked := notes.get("argocd.argoproj.io/tracking-id"):
        return f"Argo CD application {tracked.partition(':')[0]}"
    if name := labels.get("argocd.argoproj.io/instance"):
        return f"Argo CD application {name}"
    for group in ("kustomize", "helm"):
        if name := labels.get(f"{group}.toolkit.fluxcd.io/name"):
            return f"Flux {labels.get(f'{group}.toolkit.fluxcd.io/namespace', '?')}/{name}"
    return ""


def plural_of(kind: str) -> str:
    """The usual plural of a kind: pods, ingresses, networkpolicies, gateways."""
    if kind in _IRREGULAR:
        return _IRREGULAR[kind]
    word = kind.lower()
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"
