"""An operator's skill with a stand-in of its chart, which makes the same kinds."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from skill_runner.objects import Object
from skill_runner.skill.library import default_library
from tests.skills.operators import CNPG, STRIMZI, StandIn

RBAC: Final = "rbac.authorization.k8s.io"


def strimzi(folder: Path) -> Path:
    """The folder of strimzi-operator, in `folder`."""
    operator = replace(
        STRIMZI, namespace="strimzi", labels={"app": "strimzi", "release": "strimzi"}
    )
    parts = [
        *_roles("strimzi-cluster-operator-global", "kafka.strimzi.io", "kafkas", operator),
        _role_binding("strimzi-cluster-operator", "strimzi-cluster-operator-global", operator),
    ]
    return _skill("strimzi-operator", operator, parts, folder)


def cnpg(folder: Path) -> Path:
    """The folder of cnpg-operator, in `folder`."""
    labels = {"app.kubernetes.io/name": "cloudnative-pg", "app.kubernetes.io/instance": "cnpg"}
    operator = replace(CNPG, namespace="cnpg-system", labels=labels)
    parts = [
        *_roles("cnpg-cloudnative-pg", "postgresql.cnpg.io", "clusters", operator),
        _service("cnpg-webhook-service", operator),
        _webhook("MutatingWebhookConfiguration", "cnpg-mutating-webhook-configuration", operator),
        _webhook(
            "ValidatingWebhookConfiguration", "cnpg-validating-webhook-configuration", operator
        ),
    ]
    return _skill("cnpg-operator", operator, parts, folder)


def _skill(name: str, operator: StandIn, parts: list[Object], folder: Path) -> Path:
    """The skill as it is, but for where its chart comes from."""
    copy = folder / name
    shutil.copytree(default_library().find(name).folder, copy)
    file = copy / "skill.yaml"
    text, count = re.subn(
        r"^    chart: .*\n(    repo: .*\n)?    version: .*\n",
        "    chart: chart/\n",
        file.read_text(),
        flags=re.M,
    )
    assert count == 1
    file.write_text(text)
    _write(copy / "chart", operator, [*_common(operator), *parts])
    return copy


def _write(chart: Path, operator: StandIn, parts: list[Object]) -> None:
    for each in ("crds", "templates"):
        (chart / each).mkdir(parents=True)
    about = {"apiVersion": "v2", "name": "stand-in", "version": operator.version}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about))
    (chart / "crds" / "all.yaml").write_text(yaml.safe_dump_all(operator.definitions()))
    (chart / "templates" / "all.yaml").write_text(yaml.safe_dump_all(parts))


def _common(operator: StandIn) -> list[Object]:
    meta = {"name": operator.name, "namespace": operator.namespace}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "b"}},
        operator.deployment(),
    ]


def _roles(name: str, group: str, resource: str, operator: StandIn) -> list[Object]:
    """Whoever makes these must have what they grant."""
    rule = {
        "apiGroups": [group],
        "resources": [resource, f"{resource}/status"],
        "verbs": ["get", "list", "watch", "patch"],
    }
    role = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    return [
        {**role, "rules": [rule]},
        _binding("ClusterRoleBinding", {"name": name}, name, operator),
    ]


def _role_binding(name: str, role: str, operator: StandIn) -> Object:
    return _binding("RoleBinding", {"name": name, "namespace": operator.namespace}, role, operator)


def _binding(kind: str, meta: dict[str, Any], role: str, operator: StandIn) -> Object:
    who = {"kind": "ServiceAccount", "name": operator.name, "namespace": operator.namespace}
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": meta,
        "subjects": [who],
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
    }


def _service(name: str, operator: StandIn) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": operator.namespace},
        "spec": {"selector": {"name": operator.name}, "ports": [{"port": 443}]},
    }


def _webhook(kind: str, name: str, operator: StandIn) -> Object:
    """Nobody answers for it, so it is ignored."""
    rule = {
        "apiGroups": ["postgresql.cnpg.io"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["clusters"],
    }
    service = {"name": "cnpg-webhook-service", "namespace": operator.namespace}
    hook = {
        "name": "cluster.cnpg.io",
        "rules": [rule],
        "failurePolicy": "Ignore",
        "timeoutSeconds": 1,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": service},
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "webhooks": [hook],
    }
