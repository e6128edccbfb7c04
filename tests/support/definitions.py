"""Definitions of custom resources, as small as an API server in memory takes them."""

from __future__ import annotations

from skill_runner.objects import Object


def definition(group: str, kind: str, version: str = "v1") -> Object:
    """Of a namespaced kind, served as v1 unless given; its plural is the kind's name with an s."""
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [{"name": version, "served": True, "storage": True}],
        },
    }
