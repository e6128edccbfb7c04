"""Dapr's building blocks: what is seen of each when it works, and a fault of the cluster's that
breaks it alone, with its cause."""

from __future__ import annotations

import re
from typing import Any

from skill_runner.objects import Object

WORKS = {
    "pubsub": r"passed: an event came after \d+ ms, and one that fails is in its dead-letter topic",
    "state": r"passed: what one application saves the other reads, until it is deleted",
    "invocation": r"passed: a call from namespace dapr-system is answered in namespace default",
    "secrets": r"passed: a Secret is read by who may, and skill-probe-callee is refused .*",
}
CALLEE = "skill-probe-callee"
AT_ONCE = {"timeout": "at-once"}


def resiliency(**targets: Any) -> Object:
    """One that gives the proof's caller no time for these."""
    spec = {"policies": {"timeouts": {"at-once": "1ns"}}, "targets": targets}
    return {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Resiliency",
        "metadata": {"name": "impatient", "namespace": "dapr-system"},
        "spec": spec,
        "scopes": ["skill-probe-caller"],
    }


ROLES = "rbac.authorization.k8s.io"
BROKEN: dict[str, tuple[str, tuple[Object, ...]]] = {
    "pubsub": (
        "publishing an event: 500 .*ERR_PUBSUB_PUBLISH_MESSAGE",
        (resiliency(components={"skill-probe-pubsub": {"outbound": AT_ONCE}}),),
    ),
    "state": (
        "saving state: 500 .*ERR_STATE_SAVE",
        (resiliency(components={"skill-probe-state": {"outbound": AT_ONCE}}),),
    ),
    "invocation": (
        "calling skill-probe-callee in namespace default: 500 .*ERR_DIRECT_INVOKE",
        (
            resiliency(
                apps=dict.fromkeys(("skill-probe-callee", "skill-probe-callee.default"), AT_ONCE)
            ),
        ),
    ),
    "secrets": (
        "skill-probe-callee read Secret dapr-system/skill-probe, which its account may not read",
        (
            {
                "apiVersion": f"{ROLES}/v1",
                "kind": "ClusterRole",
                "metadata": {"name": "reads-every-secret"},
                "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
            },
            {
                "apiVersion": f"{ROLES}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": "reads-every-secret"},
                "roleRef": {"apiGroup": ROLES, "kind": "ClusterRole", "name": "reads-every-secret"},
                "subjects": [
                    {"apiGroup": ROLES, "kind": "Group", "name": "system:serviceaccounts:default"}
                ],
            },
        ),
    ),
}


def assert_proven(proof: dict[str, str]) -> None:
    """Each building block, by what was seen."""
    for block, seen in WORKS.items():
        assert re.fullmatch(seen, proof[block]), proof
