"""A Service or an Ingress that leads nowhere though every pod is ready: by its selector, or by a
port that what is behind it does not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any, Final

from skill_runner.objects import Object, at
from skill_runner.text.quoting import named

ANNOTATED: Final = "use-annotation"  # of the AWS controller: no port, the annotations say where
ALIKE: Final = 0.6  # wep and web, webapp and web-app; not web and worker


def nearest(
    selector: Mapping[str, Any], templates: Mapping[str, Mapping[str, Any]]
) -> tuple[str, str] | None:
    """The workload that a selector means and misses by the spelling of one label: its name, and
    what its template has; None where none is that near.

    A key that a template lacks may be set on its pods later (a leader's role), and another value
    altogether may be of a part that is left out on purpose, so these tell nothing.
    """
    for name, labels in templates.items():
        wrong = [key for key, value in selector.items() if labels.get(key) != value]
        if len(wrong) == 1 and wrong[0] in labels:
            asked, have = str(selector[wrong[0]]), str(labels[wrong[0]])
            if _are_alike(asked, have):
                return name, f"{wrong[0]}={named(have)}"
    return None


def _are_alike(one: str, other: str) -> bool:
    """Tell whether one may be the other misspelt; numbers apart (v1, v2) are meant."""
    letters = [re.sub(r"\d+", "", text) for text in (one, other)]
    return (
        letters[0] != letters[1] and SequenceMatcher(None, letters[0], letters[1]).ratio() >= ALIKE
    )


def selects(selector: Mapping[str, Any]) -> str:
    """A selector in words: "app=web, tier=front"."""
    return ", ".join(f"{key}={named(value)}" for key, value in selector.items())


def missing_port(service: Object, pods: Iterable[Object]) -> str:
    """Say which named port of a Service no container of its pods has; empty when all are there, and
    without pods. A number needs no declaration, so it is not looked at."""
    have = [
        str(port["name"])
        for pod in pods
        for part in ("containers", "initContainers")
        for container in at(pod, f"spec.{part}", [])
        for port in container.get("ports") or []
        if port.get("name")
    ]
    asked = [p.get("targetPort") for p in at(service, "spec.ports", [])]
    lost = [a for a in asked if isinstance(a, str) and not a.isdigit() and a not in have]
    if not lost:
        return ""
    there = f"they have {', '.join(sorted(set(have)))}" if have else "they name none"
    return f"sends to port {named(lost[0])}, which no container of its pods has ({there})"


def lost_backend(ingress: Object, services: Mapping[str, Object]) -> str:
    """Say which port an Ingress asks of one of these Services that does not have it; empty when all
    are there. A Service that is not among them may be somebody else's."""
    for backend in _backends(ingress):
        name, port = at(backend, "service.name"), at(backend, "service.port", {})
        service, asked = services.get(str(name)), port.get("number", port.get("name"))
        if service is None or asked in (None, ANNOTATED):
            continue
        have = [p.get("port") for p in at(service, "spec.ports", [])]
        have += [p["name"] for p in at(service, "spec.ports", []) if p.get("name")]
        if have and asked not in have:
            there = ", ".join(named(each) for each in have)
            return (
                f"sends to port {named(asked)} of Service {named(name)}, which has none such "
                f"(it has {there})"
            )
    return ""


def _backends(ingress: Object) -> Iterator[Mapping[str, Any]]:
    yield at(ingress, "spec.defaultBackend", {})
    for rule in at(ingress, "spec.rules", []):
        for path in at(rule, "http.paths", []):
            yield at(path, "backend", {})
