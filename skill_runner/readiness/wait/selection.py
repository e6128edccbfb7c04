"""The objects that one watch follows: a kind, by name or labels, never a whole namespace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skill_runner.objects import Ref, at


@dataclass(frozen=True, slots=True, order=True)
class Selection:
    """The question of a list and a watch."""

    api_version: str
    kind: str
    namespace: str | None = None
    labels: str | None = None
    fields: str | None = None

    @staticmethod
    def one(ref: Ref) -> Selection:
        """Exactly one object, there or not."""
        return Selection(
            ref.api_version, ref.kind, ref.namespace, None, f"metadata.name={ref.name}"
        )


def label_selector(selector: Any) -> str | None:
    """A LabelSelector of the API as text; None for one that selects nothing or everything."""
    terms = [f"{k}={v}" for k, v in sorted(at(selector, "matchLabels", {}).items())]
    terms += [_expression(part) for part in at(selector, "matchExpressions", [])]
    return ",".join(terms) or None


def _expression(part: Mapping[str, Any]) -> str:
    key, operator = part.get("key", ""), part.get("operator")
    values = ",".join(map(str, part.get("values") or ()))
    return {
        "In": f"{key} in ({values})",
        "NotIn": f"{key} notin ({values})",
        "Exists": str(key),
        "DoesNotExist": f"!{key}",
    }.get(str(operator), str(key))


def labels_of(match: Mapping[str, Any]) -> str:
    """Plain labels, as in a Service's selector, as text."""
    return ",".join(f"{k}={v}" for k, v in sorted(match.items()))
