"""What may be made: declared kinds, in declared places, and what the caller allows besides."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.policy.declared import Declared, lines_of
from skill_runner.policy.makes import Elsewhere, MadeKind, Makes


def kinds(*texts: str) -> tuple[MadeKind, ...]:
    return tuple(MadeKind.parse(text) for text in texts)


MAKES = Makes(
    here=kinds("apps/v1 Deployment", "v1 ConfigMap app-*"),
    cluster=kinds("rbac.authorization.k8s.io/v1 ClusterRole app-*"),
    elsewhere=(Elsewhere(("shop", "docs"), kinds("v1 Secret app")),),
)


def made(kind: str, name: str = "app", namespace: str | None = None) -> dict[str, Any]:
    api_version, _, kind = kind.rpartition(" ")
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": meta}


@pytest.mark.parametrize(
    ("manifest", "fault"),
    [
        (made("apps/v1 Deployment"), ""),
        (made("apps/v1 Deployment", namespace="own"), ""),
        (made("apps/v1beta2 Deployment"), ""),
        (made("v1 ConfigMap", "app-files"), ""),
        (made("v1 ConfigMap", "other"), "app declares no such ConfigMap in its namespace"),
        (made("example.org/v1 Deployment"), "no such Deployment.example.org in its namespace"),
        (made("v1 Deployment"), "no such Deployment in its namespace"),
        (made("v1 Secret"), "no such Secret in its namespace"),
        (made("rbac.authorization.k8s.io/v1 ClusterRole", "app-reader"), ""),
        (
            made("rbac.authorization.k8s.io/v1 ClusterRole", "admin"),
            "no such ClusterRole.rbac.authorization.k8s.io for the whole cluster",
        ),
        (
            made("rbac.authorization.k8s.io/v1 ClusterRoleBinding", "app-reader"),
            "no such ClusterRoleBinding.rbac.authorization.k8s.io for the whole cluster",
        ),
        (made("v1 Namespace", "new"), "no such Namespace for the whole cluster"),
        (made("v1 Secret", namespace="shop"), ""),
        (made("v1 Secret", "other", "docs"), "no such Secret in the namespace docs"),
        (made("v1 ConfigMap", "app-a", "shop"), "no such ConfigMap in the namespace shop"),
        (
            made("apps/v1 Deployment", namespace="kube-system"),
            "app declares no objects in the namespace kube-system",
        ),
        (made("v1 Secret", namespace="other"), "no objects in the namespace other"),
        ({"apiVersion": "v1"}, "app declares no such"),
        ({"kind": "Deployment", "metadata": None}, "no such Deployment in its namespace"),
    ],
)
def test_what_may_be_made(manifest: dict[str, Any], fault: str) -> None:
    found = Declared("app", "own", MAKES).fault(manifest)
    assert fault in found
    assert bool(fault) == bool(found)


@pytest.mark.parametrize(
    "named", ["Secret", "ClusterRole", "ClusterRole.rbac.authorization.k8s.io"]
)
def test_what_a_caller_allows(named: str) -> None:
    manifests = [made("v1 Secret"), made("rbac.authorization.k8s.io/v1 ClusterRole", "x")]
    found = [m["kind"] for m, _ in Declared("app", "own", MAKES, (named,)).faults(manifests)]
    assert found == [m["kind"] for m in manifests if m["kind"] != named.partition(".")[0]]


def test_a_caller_s_word_reaches_no_other_namespace() -> None:
    declared = Declared("app", "own", MAKES, ("Secret",))
    assert declared.fault(made("v1 Secret", namespace="kube-system"))
    assert "--allow-kinds" not in declared.remedy([made("v1 Secret", namespace="kube-system")])


def test_where_nothing_is_declared_nothing_may_be_made() -> None:
    declared = Declared("app", "own", None)
    assert declared.fault(made("v1 ConfigMap"))
    assert "--allow-kinds ConfigMap" in declared.remedy([made("v1 ConfigMap")])
    assert Declared("app", "own", None, ("ConfigMap",)).fault(made("v1 ConfigMap")) == ""


def test_a_hook_s_pods_need_no_word_in_its_own_namespace() -> None:
    hooks = Declared("app", "own", MAKES).for_hooks
    assert hooks.fault(made("v1 Pod", namespace="own")) == ""
    assert hooks.fault(made("v1 Pod", namespace="shop"))
    assert Declared("app", "own", MAKES).fault(made("v1 Pod", namespace="own"))


def test_the_lines_for_skill_yaml() -> None:
    manifests = [
        made("v1 Secret"),
        made("apps/v1 Deployment"),
        made("v1 Secret", namespace="own"),
        made("v1 Namespace"),
        made("v1 Secret", namespace="shop"),
    ]
    assert lines_of(manifests, "own") == (
        "makes:",
        "  here: [apps/v1 Deployment, v1 Secret]",
        "  cluster: [v1 Namespace]",
        "  elsewhere, in shop: [v1 Secret]",
    )
