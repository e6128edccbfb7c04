"""A pod's required node affinity against one node: the terms are alternatives, their parts are
demanded together (the rules of nodeaffinity in k8s.io/component-helpers)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from skill_runner.objects import Object, at

_TERMS: Final = (
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
)


def refused_by_affinity(pod: Object, node: Object) -> str | None:
    """Say what the pod demands of a node and this one has not; None when it fits."""
    terms: Sequence[Mapping[str, Any]] = at(pod, _TERMS, [])
    if not terms or any(_fits(term, node) for term in terms):
        return None
    return " or ".join(_shown(term) for term in terms[:3])


def _fits(term: Mapping[str, Any], node: Object) -> bool:
    labels = at(node, "metadata.labels", {})
    fields = {"metadata.name": at(node, "metadata.name", "")}
    parts = [(p, labels) for p in term.get("matchExpressions") or ()]
    parts += [(p, fields) for p in term.get("matchFields") or ()]
    return bool(parts) and all(_holds(part, values) for part, values in parts)


def _holds(part: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    has, wanted = values.get(str(part.get("key"))), part.get("values") or []
    match part.get("operator"):
        case "In":
            return has in wanted
        case "NotIn":
            return has not in wanted
        case "Exists":
            return has is not None
        case "DoesNotExist":
            return has is None
        case "Gt" | "Lt" as operator:
            try:
                number, limit = int(str(has)), int(str(wanted[0]))
            except (ValueError, IndexError):
                return False
            return number > limit if operator == "Gt" else number < limit
    return True  # an operator of a later Kubernetes: the scheduler knows better


def _shown(term: Mapping[str, Any]) -> str:
    parts = [*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ())]
    return " and ".join(_part(p) for p in parts)


def _part(part: Mapping[str, Any]) -> str:
    key, values = part.get("key"), ", ".join(map(str, part.get("values") or ()))
    return {
        "In": f"{key} in ({values})",
        "NotIn": f"{key} not in ({values})",
        "Exists": f"{key} exists",
        "DoesNotExist": f"{key} does not exist",
        "Gt": f"{key} > {values}",
        "Lt": f"{key} < {values}",
    }.get(str(part.get("operator")), str(key))
