"""Small readers that rules share: pods and containers of workloads, and evidence of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from skill_runner.compliance.kinds import POD, PODS, TEMPLATES
from skill_runner.compliance.managed import last_writer
from skill_runner.compliance.model import Finding, Kind, Parameters, Scene, resource_of
from skill_runner.objects import Object, at
from skill_runner.policy.pods import Container, mapping, mappings, pod_of
from skill_runner.policy.secrets import holds_secret

Subjects = Callable[[Scene, Parameters], Iterable[Object]]
_LONGEST: Final = 120  # characters of a value that evidence repeats


def found(
    obj: Object,
    field: str,
    value: Any,
    message: str,
    *,
    container: str = "",
    certain: bool = True,
) -> Finding:
    """Evidence about a field of an object, with who wrote it last."""
    who, when = last_writer(obj, field)
    where = resource_of(obj) + (f" container {container}" if container else "")
    return Finding(where, field, shown(value), message, who, when, certain)


def shown(value: Any) -> str:
    """A value as text; of one that holds a password only that it is there."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    if holds_secret(text):
        return "(a secret)"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def every(*kinds: Kind) -> Subjects:
    """All objects of these kinds."""
    return lambda scene, _: scene.of(*kinds)


def pods(scene: Scene, _: Parameters) -> Iterator[Object]:
    """Every pod that has not ended, and every workload that may make more of them."""
    for obj in scene.of(*PODS):
        if at(obj, "status.phase") not in ("Succeeded", "Failed"):
            yield obj


def services(scene: Scene, _: Parameters) -> Iterator[Object]:
    """The workloads of the platform's own services; a pod that nothing controls is one, too."""
    for obj in scene.of(*TEMPLATES, POD):
        ended = at(obj, "status.phase") in ("Succeeded", "Failed")
        if not at(obj, "metadata.ownerReferences") and not ended and scene.is_service(obj):
            yield obj


@lru_cache(maxsize=1)
def pods_by_owner(scene: Scene) -> dict[str, list[Object]]:
    """The live pods of each workload, by its name in findings."""
    live: dict[str, list[Object]] = {}
    for pod in scene.of(POD):
        if not at(pod, "metadata.deletionTimestamp"):
            live.setdefault(resource_of(pod), []).append(pod)
    return live


def spec_of(obj: Object) -> Any:
    """The pod's spec of a workload or of a pod; an empty one of everything else."""
    pod = pod_of(obj)
    return pod.spec if pod else {}


def containers(obj: Object) -> tuple[Container, ...]:
    pod = pod_of(obj)
    return tuple(pod.containers()) if pod else ()


def template_notes(obj: Object) -> Any:
    """The annotations of the pods that a workload makes."""
    if obj.get("kind") == "Pod":
        return mapping(at(obj, "metadata.annotations", {}))
    path = "spec.jobTemplate.spec.template" if obj.get("kind") == "CronJob" else "spec.template"
    return mapping(at(obj, f"{path}.metadata.annotations", {}))


def template_labels(obj: Object) -> Any:
    """The labels of the pods that a workload makes."""
    if obj.get("kind") == "Pod":
        return mapping(at(obj, "metadata.labels", {}))
    return mapping(at(obj, "spec.template.metadata.labels", {}))


def volumes(obj: Object) -> Iterator[Any]:
    yield from mappings(spec_of(obj).get("volumes"))


def space_of(obj: Object) -> str:
    return str(at(obj, "metadata.namespace", ""))
