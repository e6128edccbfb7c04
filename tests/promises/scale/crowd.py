"""A big and busy cluster: the pods and Secrets of others, and a skill of 300 objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from skill_runner.backends.base import ReleaseSpec
from skill_runner.objects import Object

PODS, SECRETS, OBJECTS, INSTALLATIONS = 10_000, 5_000, 300, 20
HERE: Final = "big"  # the namespace of ours, in which every tenth of the crowd is, too
MAKES: Final = ("v1 ConfigMap", "v1 Service", "apps/v1 Deployment")
INPUTS: Final = {
    "namespace": {"type": "string", "default": HERE, "change": "refuse", "description": "Where."},
    "level": {"type": "integer", "default": 1, "description": "May change freely."},
}


def crowd(pods: int = PODS, secrets: int = SECRETS) -> Iterator[Object]:
    """Pods and Secrets of others, as big as they usually are: 3 KB and 2 KB."""
    for number in range(pods):
        yield _pod(f"other-{number}", _space(number))
    for number in range(secrets):
        meta = {
            "name": f"other-{number}",
            "namespace": _space(number),
            "labels": {"a": "b"},
            "uid": f"secret-{number}",
            "resourceVersion": "1",
        }
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"k": "A" * 1900}}


def _space(number: int) -> str:
    return HERE if number % 10 == 0 else f"others-{number % 50}"


def _pod(name: str, namespace: str) -> Object:
    resources = {"requests": {"cpu": "100m", "memory": "64Mi"}}
    container = {
        "name": "c",
        "image": "example.org/other:1",
        "resources": resources,
        "env": [{"name": f"VARIABLE_{n}", "value": "v" * 60} for n in range(25)],
    }
    meta = {
        "name": name,
        "namespace": namespace,
        "labels": {"app": name, "tier": "other"},
        "uid": f"pod-{name}",
        "resourceVersion": "1",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"nodeName": "node", "containers": [container]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def node() -> Object:
    room = {"cpu": "4000", "memory": "4000Gi", "pods": "20000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node"},
        "status": {"allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def manifests(count: int = OBJECTS) -> Iterator[Object]:
    """A third each of Deployments, Services and ConfigMaps."""
    for number in range(count // 3):
        name = f"app-{number}"
        meta, labels = {"name": name, "namespace": HERE}, {"app": name}
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "b"}}
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"clusterIP": "None", "selector": labels, "ports": [{"port": 80}]},
        }
        yield {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [_app()]}},
            },
        }


def _app() -> dict[str, Any]:
    probe = {"tcpSocket": {"port": 80}}
    resources = {
        "requests": {"cpu": "10m", "memory": "16Mi"},
        "limits": {"cpu": "1", "memory": "16Mi"},
    }
    return {
        "name": "app",
        "image": "example.org/app:1",
        "resources": resources,
        "livenessProbe": probe,
        "readinessProbe": probe,
    }


def render(spec: ReleaseSpec) -> Iterator[Object]:
    """What the chart of the big skill makes."""
    yield from manifests()


def write_skill(folder: Path, name: str, *steps: Object, **more: Any) -> None:
    """A skill of these steps; what they name is written beside it."""
    data = {
        "schema": 1,
        "name": name,
        "version": "1.0.0",
        "summary": "A skill of the tests.",
        "use_when": "A test needs a skill.",
        "stability": 0,
        "inputs": INPUTS,
        "steps": list(steps),
        "makes": {"here": list(MAKES)},
        "outputs": {"address": "{{ namespace }}"},
        **more,
    }
    (folder / name / "chart").mkdir(parents=True)
    (folder / name / "skill.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    (folder / name / "chart" / "Chart.yaml").write_text(
        "apiVersion: v2\nname: app\nversion: 1.0.0\n"
    )
    (folder / name / "values.yaml.j2").write_text("level: {{ level }}\n")
    if any(step.get("apply") == "all.yaml.j2" for step in steps):
        every = yaml.safe_dump_all(manifests(), sort_keys=False)
        (folder / name / "all.yaml.j2").write_text(every)
    (folder / name / "map.yaml.j2").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ installation.name }}'}\n"
        "data: {level: '{{ level }}'}\n"
    )
