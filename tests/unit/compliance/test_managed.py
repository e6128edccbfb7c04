"""managedFields as the API server writes them: who, which fields, when."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.compliance.managed import field_paths, hands, last_writer, writer_of

FIELDS = {
    "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:template": {
            "f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}, "f:env": {}}}}
        },
        "f:finalizers": {'v:"kubernetes"': {}},
    },
}


def test_paths_are_spelled_as_evidence_names_fields() -> None:
    assert list(field_paths(FIELDS)) == [
        "metadata.labels.app",
        "spec.replicas",
        "spec.template.spec.containers[name=web].image",
        "spec.template.spec.containers[name=web].env",
        'spec.finalizers["kubernetes"]',
    ]


@pytest.mark.parametrize("broken", [None, [], "text", {"k:{no json": {}}, {"f:a": None}])
def test_what_is_no_field_set_breaks_nothing(broken: Any) -> None:
    assert len(list(field_paths(broken))) <= 1


@pytest.mark.parametrize(
    ("manager", "kind"),
    [
        ("kubectl", "kubectl"),
        ("kubectl-client-side-apply", "kubectl"),
        ("kubectl-edit", "kubectl"),
        ("kubectl-set", "kubectl"),
        ("Kubectl-patch", "kubectl"),
        ("kubectl-rollout", "restart"),
        ("k9s", "tool"),
        ("node-fetch", "tool"),
        ("Mozilla", "tool"),
        ("helm", "helm"),
        ("skill-runner", "controller"),
        ("kube-controller-manager", "controller"),
        ("argocd-controller", "controller"),
        ("strimzi-cluster-operator", "controller"),
        ("OpenAPI-Generator", "unknown"),
        ("my-own-thing", "unknown"),
        ("", "unknown"),
    ],
)
def test_writers_by_name(manager: str, kind: str) -> None:
    assert writer_of(manager) == kind


def test_a_set_may_name_controllers_of_its_own() -> None:
    assert writer_of("my-own-thing", ["my-*"]) == "controller"
    assert writer_of("kubectl-edit", ["kubectl-edit"]) == "controller"


def test_the_owner_of_a_field_and_otherwise_whoever_wrote_last() -> None:
    obj: dict[str, Any] = {
        "metadata": {
            "managedFields": [
                {"manager": "helm", "time": "1", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                {"manager": "kubelet", "time": "3", "subresource": "status"},
                {"manager": "me", "time": "2", "fieldsV1": {"f:spec": {"f:paused": {}}}},
            ]
        }
    }
    assert last_writer(obj, "spec.replicas") == ("helm", "1")
    assert last_writer(obj, "spec") == ("me", "2")
    assert last_writer(obj, "metadata.name") == ("me", "2")
    assert last_writer({"metadata": {}}) == ("", "")
    assert [hand.manager for hand in hands(obj)] == ["kubelet", "me", "helm"]
