"""Manifests into the pods that they would make: which containers, and which run for long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Object = Mapping[str, Any]

_TEMPLATES: Final = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"}
)
_APPS: Final = ("apps/", "batch/", "v1")  # an operator's own Deployment is not the cluster's


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod. `long_running`: it serves, so it owes probes."""

    spec: Object
    long_running: bool

    @property
    def name(self) -> str:
        return str(self.spec.get("name", ""))

    def env(self) -> Iterator[tuple[str, str]]:
        """The variables with a literal value."""
        for variable in mappings(self.spec.get("env")):
            if isinstance(variable.get("value"), str):
                yield str(variable.get("name", "")), variable["value"]


@dataclass(frozen=True, slots=True)
class Pod:
    """The pod that a workload makes. `completes`: a Job, a CronJob, a Helm hook, a bare task."""

    spec: Object
    completes: bool

    def containers(self) -> Iterator[Container]:
        """Every container; an init container that restarts always is a sidecar and serves."""
        for init in mappings(self.spec.get("initContainers")):
            yield Container(init, init.get("restartPolicy") == "Always" and not self.completes)
        for container in mappings(self.spec.get("containers")):
            yield Container(container, not self.completes)


def pod_of(manifest: Object) -> Pod | None:
    """The pod of a workload's manifest, None for what makes no pods."""
    kind, version = str(manifest.get("kind")), str(manifest.get("apiVersion"))
    if not version.startswith(_APPS):
        return None
    spec = mapping(manifest.get("spec"))
    hook = "helm.sh/hook" in mapping(mapping(manifest.get("metadata")).get("annotations"))
    if kind == "Pod":
        return Pod(spec, hook or spec.get("restartPolicy") in ("Never", "OnFailure"))
    if kind == "CronJob":
        spec = mapping(mapping(spec.get("jobTemplate")).get("spec"))
    elif kind not in _TEMPLATES:
        return None
    template = mapping(mapping(spec.get("template")).get("spec"))
    return Pod(template, hook or kind in ("Job", "CronJob"))


def mapping(value: Any) -> Object:
    """The value if it is a mapping, else an empty one: charts render all kinds of things."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> Iterator[Object]:
    """The mappings of a list."""
    if isinstance(value, list | tuple):
        yield from (item for item in value if isinstance(item, Mapping))
