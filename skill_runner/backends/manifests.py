"""YAML documents into Kubernetes objects, read the way Helm and kubectl read them."""

from __future__ import annotations

from typing import Any

import yaml

from skill_runner.objects import Object


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe, and without two rules of YAML 1.1 that Go's reader leaves out: dates and "="."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_manifests(text: str | bytes) -> tuple[Object, ...]:
    """Every object of a stream of documents; empty ones are left out, Lists are opened.

    yaml.YAMLError when the text is not YAML.
    """
    found: list[Object] = []
    for document in yaml.load_all(text, Loader=_Loader):
        if isinstance(document, dict):
            found += _opened(document)
    return tuple(found)


def _opened(document: dict[str, Any]) -> list[Object]:
    if str(document.get("kind", "")).endswith("List") and "items" in document:
        return [item for item in document["items"] or () if isinstance(item, dict)]
    return [document]
