"""A schema or a kind → the smallest object that the API might accept, for a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skill_runner.objects import Object, at

NAME: Final = "skill-runner-dry-run"
_CONTAINER: Final = {"name": "main", "image": "example.org/none:1"}
_TEMPLATE: Final = {"metadata": {"labels": {"app": NAME}}, "spec": {"containers": [_CONTAINER]}}
_WORKLOAD: Final = {"selector": {"matchLabels": {"app": NAME}}, "template": _TEMPLATE}
_SPECS: Final[Mapping[str, Any]] = {
    "Pod": {"containers": [_CONTAINER]},
    "Deployment": _WORKLOAD,
    "StatefulSet": {**_WORKLOAD, "serviceName": NAME},
    "DaemonSet": _WORKLOAD,
    "ReplicaSet": _WORKLOAD,
    "Job": {"template": {"spec": {"containers": [_CONTAINER], "restartPolicy": "Never"}}},
    "Service": {"ports": [{"port": 80}]},
}
_DEEPEST: Final = 12


def specimen_of(
    api_version: str,
    kind: str,
    namespace: str | None,
    labels: Mapping[str, str],
    schema: Mapping[str, Any] | None,
) -> Object:
    """One object; of a custom kind, what its OpenAPI `schema` requires and no more."""
    meta: dict[str, Any] = {"name": NAME, "labels": dict(labels)}
    if namespace:
        meta["namespace"] = namespace
    made = {"apiVersion": api_version, "kind": kind, "metadata": meta}
    if schema is not None:
        filled = smallest(schema)
        return {**(filled if isinstance(filled, dict) else {}), **made}
    return {**made, "spec": _SPECS[kind]} if kind in _SPECS else made


def smallest(schema: Mapping[str, Any], depth: int = 0) -> Any:
    """The least value that a structural schema of a CRD asks for."""
    if "default" in schema:
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object" and depth < _DEEPEST:
        fields = at(schema, "properties", {})
        return {
            name: smallest(fields[name], depth + 1)
            for name in schema.get("required") or ()
            if name in fields
        }
    if kind == "array":
        return [smallest(schema.get("items") or {}, depth + 1)] * int(schema.get("minItems") or 0)
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return False
    if schema.get("x-kubernetes-int-or-string"):
        return 1
    return "x" * max(1, int(schema.get("minLength") or 0)) if kind == "string" else {}
