"""Manifests of apply steps with what every object of an installation carries: where, and whose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from skill_runner.objects import OURS, is_cluster_scoped
from skill_runner.plan.types import Installation

INSTANCE: Final = "app.kubernetes.io/instance"
# An annotation with namespace/name of the installation: a label takes no slash.
MARK: Final = "skill-runner.dev/installation"
# The same, on data that a removal kept, and on what it is about to delete after its owner.
KEPT: Final = "skill-runner.dev/kept-by"


def flatten(documents: tuple[Any, ...]) -> Iterator[tuple[int, Any]]:
    """Each document with its number from 1; the items of a List one by one."""
    for number, document in enumerate(documents, 1):
        if isinstance(document, Mapping) and document.get("kind") == "List":
            yield from ((number, item) for item in document.get("items") or ())
        else:
            yield number, document


def fault_of(manifest: Any) -> str | None:
    """Say why a document is no manifest; None when it is one."""
    if not isinstance(manifest, Mapping):
        return "expected a Kubernetes object, a mapping"
    for key in ("apiVersion", "kind"):
        if not isinstance(manifest.get(key), str) or not manifest[key]:
            return f"'{key}' is missing"
    meta = manifest.get("metadata")
    if not isinstance(meta, Mapping) or not isinstance(meta.get("name"), str) or not meta["name"]:
        return f"the {manifest['kind']} has no metadata.name, as text"
    return None


def placed(manifest: Mapping[str, Any], namespace: str, instance: str) -> dict[str, Any]:
    """The manifest in its namespace, where it names none, with the marks of its installation."""
    meta = dict(manifest["metadata"])
    if not meta.get("namespace") and not is_cluster_scoped(manifest["kind"]):
        meta["namespace"] = namespace
    labels = {**(meta.get("labels") or {}), INSTANCE: instance, **OURS}
    notes = {**(meta.get("annotations") or {}), MARK: f"{namespace}/{instance}"}
    return {**manifest, "metadata": {**meta, "labels": labels, "annotations": notes}}


def proof_labels(installation: Installation) -> dict[str, str]:
    return {
        **OURS,
        "app.kubernetes.io/instance": installation.name,
        "app.kubernetes.io/component": "proof",
        "skill-runner.dev/installation-namespace": installation.namespace,
    }
