"""Objects of a release in memory: their Secret, whose they are, hooks and weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from skill_runner.backends.base import ReleaseSpec
from skill_runner.objects import Object

HOOK = "helm.sh/hook"

Render = Callable[[ReleaseSpec], Iterable[Object]]


def payload_for(
    spec: ReleaseSpec,
    chart: MemoryChart,
    rendered: tuple[Object, ...],
    revision: int,
    status: str,
    now: str,
) -> dict[str, Any]:
    hooks = [
        {
            "name": obj["metadata"]["name"],
            "kind": obj["kind"],
            "path": "",
            "last_run": {},
            "manifest": json.dumps(obj),
            "events": sorted(events(obj)),
        }
        for obj in rendered
        if events(obj)
    ]
    plain = (obj for obj in rendered if not events(obj))
    return {
        "name": spec.name,
        "namespace": spec.namespace,
        "version": revision,
        "info": {"status": status, "first_deployed": now, "last_deployed": now},
        "chart": {
            "metadata": {
                "name": chart.name,
                "version": spec.version or chart.version,
                "appVersion": chart.app_version,
            }
        },
        "config": dict(spec.values),
        "manifest": "".join(f"---\n{json.dumps(obj)}\n" for obj in plain),
        "hooks": hooks,
    }


def in_namespace(obj: Object, namespace: str) -> Object:
    """A copy in the release's namespace unless it names one; the store drops it where unfit."""
    placed = deepcopy(obj)
    placed["metadata"].setdefault("namespace", namespace)
    return placed


def annotation(obj: Mapping[str, Any], key: str) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(key, ""))


def is_owned(live: Object, name: str, namespace: str) -> bool:
    """As checkOwnership of helm/helm has it (pkg/action/validate.go)."""
    labels = live["metadata"].get("labels") or {}
    return (
        labels.get("app.kubernetes.io/managed-by") == "Helm"
        and annotation(live, "meta.helm.sh/release-name") == name
        and annotation(live, "meta.helm.sh/release-namespace") == namespace
    )


def events(obj: Object) -> set[str]:
    return {event.strip() for event in annotation(obj, HOOK).split(",") if event.strip()}


def weight(obj: Object) -> int:
    return int(annotation(obj, "helm.sh/hook-weight") or 0)


def is_kept(obj: Object) -> bool:
    return annotation(obj, "helm.sh/resource-policy") == "keep"


@dataclass(frozen=True, slots=True)
class MemoryChart:
    """A chart in memory; manifests with the annotation helm.sh/hook are hooks."""

    render: Render
    name: str = "chart"
    version: str = "0.1.0"
    app_version: str = ""
    definitions: tuple[Object, ...] = ()
