"""Custom resources into the containers that an operator or an injector makes of them.

Their probes are the operator's own, their limits are what the resource says. A kind that is not
in the table is not looked into: nobody could tell what becomes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from skill_runner.policy.pods import Container, Object, mapping, mappings

# (group, kind) to (container, path of what carries its `resources`); a path that is absent makes
# no container. Sources: Strimzi 1.2 (packaging/install/cluster-operator, the CRDs' own fields) and
# CloudNativePG 1.30 (api/v1, ClusterSpec).
_MADE_OF: Final[dict[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    ("kafka.strimzi.io", "KafkaNodePool"): (("kafka", "spec"),),
    ("kafka.strimzi.io", "Kafka"): (
        ("topic-operator", "spec.entityOperator.topicOperator"),
        ("user-operator", "spec.entityOperator.userOperator"),
        ("cruise-control", "spec.cruiseControl"),
        ("kafka-exporter", "spec.kafkaExporter"),
    ),
    ("kafka.strimzi.io", "KafkaConnect"): (("connect", "spec"),),
    ("kafka.strimzi.io", "KafkaMirrorMaker2"): (("mirror-maker", "spec"),),
    ("kafka.strimzi.io", "KafkaBridge"): (("bridge", "spec"),),
    ("postgresql.cnpg.io", "Cluster"): (("postgres", "spec"),),
}
_IMAGES: Final = {
    ("postgresql.cnpg.io", "Cluster"): (("postgres", "spec.imageName"),),
    ("kafka.strimzi.io", "Kafka"): (("kafka", "spec.kafka.image"),),
}
_SIDECAR: Final = {
    "limits": {"cpu": "dapr.io/sidecar-cpu-limit", "memory": "dapr.io/sidecar-memory-limit"},
    "requests": {"cpu": "dapr.io/sidecar-cpu-request", "memory": "dapr.io/sidecar-memory-request"},
}


def operated(manifest: Object) -> Iterator[Container]:
    """The containers whose resources a custom resource, or a pod's annotations, decide."""
    for name, path in _MADE_OF.get(_kind(manifest), ()):
        part = _at(manifest, path)
        if isinstance(part, dict):
            yield Container({"name": name, "resources": part.get("resources")}, False)
    annotations = mapping(mapping(_template(manifest).get("metadata")).get("annotations"))
    if str(annotations.get("dapr.io/enabled")).lower() == "true":
        resources = {
            part: {name: annotations.get(key) for name, key in keys.items()}
            for part, keys in _SIDECAR.items()
        }
        yield Container({"name": "daprd", "resources": resources}, False)


def operated_images(manifest: Object) -> Iterator[Container]:
    """The containers whose image a custom resource names."""
    for name, path in _IMAGES.get(_kind(manifest), ()):
        image = _at(manifest, path)
        if image:
            yield Container({"name": name, "image": str(image)}, False)


def literals(manifest: Object) -> Iterator[tuple[str, str]]:
    """Return what a Dapr Component says in plain words, by the names of its metadata."""
    if _kind(manifest) == ("dapr.io", "Component"):
        for each in mappings(mapping(manifest.get("spec")).get("metadata")):
            if isinstance(each.get("value"), str):
                yield str(each.get("name", "")), each["value"]


def _kind(manifest: Object) -> tuple[str, str]:
    return str(manifest.get("apiVersion")).partition("/")[0], str(manifest.get("kind"))


def _template(manifest: Object) -> Object:
    """The pod template of a workload; a Pod is its own."""
    if manifest.get("kind") == "Pod":
        return manifest
    return mapping(mapping(manifest.get("spec")).get("template"))


def _at(manifest: Object, path: str) -> Any:
    value: Any = manifest
    for key in path.split("."):
        value = mapping(value).get(key)
    return value
