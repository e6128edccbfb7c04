"""A platform in memory that keeps every rule, and objects that differ from it in one thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import yaml

from skill_runner.compliance.model import (
    Installed,
    Kind,
    Proof,
    Scene,
    kind_of,
)
from skill_runner.objects import Object
from tests.support.paths import ROOT

CASES: Final = ROOT / "tests/unit/compliance/rules/cases"
NOW: Final = 1_800_000_000.0  # 2027-01-15
SPACE: Final = "learnflow"
HELM: Final = [{"manager": "helm", "operation": "Apply", "time": "2027-01-01T00:00:00Z"}]
MADE: Final = {"meta.helm.sh/release-name": "services", "meta.helm.sh/release-namespace": SPACE}
PROBE: Final = {"httpGet": {"path": "/healthz", "port": 8000}}
AMOUNTS: Final = {"cpu": "100m", "memory": "64Mi"}

SERVICES: Final = Installed(
    namespace=SPACE,
    name="services",
    skill="fastapi-dapr-agent",
    inputs={"subscribe": ["learnflow.lesson.completed"]},
    releases=frozenset({(SPACE, "services")}),
    proofs={"sidecars": Proof("passed", NOW - 3600)},
)
SCHEMAS: Final = Installed(
    namespace="schema-registry",
    name="schema-registry-k8s-setup",
    skill="schema-registry-k8s-setup",
    inputs={"subjects": {"learnflow.lesson.completed-value": {}, "learnflow.a.b-value": {}}},
    proofs={"round-trip": Proof("passed", NOW - 3600)},
)


def container(name: str = "app") -> dict[str, Any]:
    return {
        "name": name,
        "image": "ghcr.io/learnflow/service:1.0.0",
        "resources": {"limits": AMOUNTS, "requests": AMOUNTS},
        "livenessProbe": PROBE,
        "readinessProbe": PROBE,
    }


def deployment(name: str, namespace: str = SPACE) -> Object:
    """A service that keeps every rule."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta(name, namespace),
        "spec": {
            "replicas": 1,
            "template": {
                "metadata": {
                    "labels": {"app": name},
                    "annotations": {
                        "dapr.io/enabled": "true",
                        "dapr.io/sidecar-cpu-limit": "1",
                        "dapr.io/sidecar-memory-limit": "64Mi",
                    },
                },
                "spec": {"containers": [container()]},
            },
        },
    }


def meta(name: str, namespace: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": namespace,
        "annotations": dict(MADE),
        "managedFields": deepcopy(HELM),
        "creationTimestamp": "2027-01-01T00:00:00Z",
    }


def pod_of(workload: Object) -> Object:
    """The live pod of a Deployment, with the sidecar that the injector adds."""
    name, namespace = workload["metadata"]["name"], workload["metadata"]["namespace"]
    template = deepcopy(workload["spec"]["template"])
    spec = template["spec"]
    if template["metadata"].get("annotations", {}).get("dapr.io/enabled") == "true":
        spec["containers"].append({**container("daprd"), "image": "docker.io/daprio/daprd:1.18.0"})
    owner = {"kind": "ReplicaSet", "name": f"{name}-5d4f", "controller": True}
    labels = {**template["metadata"].get("labels", {}), "pod-template-hash": "5d4f"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-5d4f-x",
            "namespace": namespace,
            "labels": labels,
            "ownerReferences": [owner],
        },
        "spec": spec,
        "status": {"phase": "Running"},
    }


def merged(base: Any, change: Any) -> Any:
    """Mappings merged; `null` takes a key away; everything else is replaced."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return deepcopy(change)
    both = {**base, **{key: merged(base.get(key), value) for key, value in change.items()}}
    return {key: value for key, value in both.items() if value is not None}


def built(given: Mapping[str, Any]) -> list[Object]:
    """The objects of one entry of a case: a Deployment with its pod, or an object as it is."""
    given = dict(given)
    if "deployment" not in given:
        whole = {"metadata": meta("", SPACE)}
        return [merged(whole, given)]
    made = deployment(given["deployment"], given.get("namespace", SPACE))
    made = merged(made, given.get("change", {}))
    pod = made["spec"]["template"]["spec"]
    pod["containers"][0] = merged(pod["containers"][0], given.get("container", {}))
    made["spec"]["template"]["spec"] = merged(pod, given.get("pod", {}))
    live = merged(pod_of(made), given.get("live", {}))
    if given.get("runs", True) is False:
        return [made]
    return [made, live]


def cases(file: str) -> list[dict[str, Any]]:
    """The cases of a file: `planted` violations, or `innocent` look-alikes."""
    found: list[dict[str, Any]] = yaml.safe_load(Path(CASES, f"{file}.yaml").read_text())
    return found


def scene(*given: Iterable[Mapping[str, Any]], installed: Iterable[Installed] = ()) -> Scene:
    """A scene of the sound platform with these entries beside it."""
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": meta("doors", SPACE),
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [
                        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": n}}}
                        for n in ("kong", SPACE)
                    ]
                }
            ],
        },
    }
    made = [policy, *built({"deployment": "sound"})]
    made += [obj for entries in given for entry in entries for obj in built(entry)]
    by_kind: dict[Kind, list[Object]] = defaultdict(list)
    for obj in made:
        by_kind[kind_of(obj)].append(obj)
    return Scene(
        objects={kind: tuple(found) for kind, found in by_kind.items()},
        installed=(SERVICES, SCHEMAS, *installed),
        now=NOW,
    )
