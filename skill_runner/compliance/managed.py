"""metadata.managedFields: who wrote which field of an object, and when.

It tells of fields that are there now: what was deleted, and who wrote a field before the one who
owns it now, it does not. A program may call itself as it likes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from skill_runner.objects import Object, at

Writer = Literal["kubectl", "restart", "tool", "controller", "helm", "unknown"]

# kubectl derives a manager from each of its commands: kubectl-edit, kubectl-patch, kubectl-set, …
_KUBECTL: Final = "kubectl*"
_RESTART: Final = "kubectl-rollout"
# Programs with a person in front of them. Browsers and Node call themselves by their HTTP client
# where a dashboard passes requests on (Lens: node-fetch).
_TOOLS: Final = (
    *("k9s*", "lens*", "freelens*", "openlens*", "node-fetch*", "mozilla*", "headlamp*"),
    *("kubernetes-dashboard*", "dashboard*", "octant*", "curl*", "postman*", "oc", "oc-*"),
)
# Kubernetes' own, and the names that operators give themselves by convention.
_CONTROLLERS: Final = (
    *("kube-controller-manager", "kube-scheduler", "kube-apiserver", "kube-proxy", "kubelet"),
    *("*-controller", "*-controllers", "*-controller-manager", "*-operator", "*-provisioner"),
    *("*-webhook", "*-injector", "manager", "cainjector", "cert-manager*", "argocd*", "flux*"),
    *("strimzi*", "dapr*", "operator", "sentry", "placement", "kong*", "coredns*", "cilium*"),
    *("skill-runner", "skill-runner-*", "skill-cluster", "before-first-apply"),
)
_PART: Final = re.compile(r"\.?([^.\[\]]+)|\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Hand:
    """One writer of an object: the manager's name, when it wrote last, and the fields it owns."""

    manager: str
    operation: str
    when: str
    subresource: str
    paths: tuple[str, ...]


def hands(obj: Object) -> tuple[Hand, ...]:
    """The writers of an object, the last one first; none where the API gave no managedFields."""
    entries = [e for e in at(obj, "metadata.managedFields", ()) if isinstance(e, Mapping)]
    found = [
        Hand(
            str(each.get("manager", "")),
            str(each.get("operation", "")),
            str(each.get("time", "")),
            str(each.get("subresource", "")),
            tuple(field_paths(each.get("fieldsV1"))),
        )
        for each in entries
    ]
    return tuple(sorted(found, key=lambda hand: hand.when, reverse=True))


def writer_of(manager: str, known: Iterable[str] = ()) -> Writer:
    """Say what kind of program a manager is; `known` are patterns of controllers beside ours."""
    name = manager.lower()
    if any(fnmatchcase(manager, each) for each in known):
        return "controller"
    if fnmatchcase(name, _KUBECTL):
        return "restart" if name == _RESTART else "kubectl"
    if name == "helm":
        return "helm"
    if any(fnmatchcase(name, each) for each in _TOOLS):
        return "tool"
    return "controller" if any(fnmatchcase(name, e) for e in _CONTROLLERS) else "unknown"


def last_writer(obj: Object, path: str = "") -> tuple[str, str]:
    """Who owns a field, and since when; whoever wrote last where nobody's fields are known."""
    written = [hand for hand in hands(obj) if hand.subresource != "status"]
    for hand in written:
        if path and any(_holds(own, path) for own in hand.paths):
            return hand.manager, hand.when
    return (written[0].manager, written[0].when) if written else ("", "")


def _holds(own: str, path: str) -> bool:
    """Tell whether a field that somebody owns is the one of a path, or is above or below it."""
    return own == path or path.startswith((f"{own}.", f"{own}[")) or own.startswith(f"{path}.")


def field_paths(fields: Any) -> Iterator[str]:
    """The leaves of fieldsV1, as spec.containers[name=web].image."""
    if isinstance(fields, Mapping):
        yield from _walk(fields, "")


def _walk(fields: Mapping[str, Any], path: str) -> Iterator[str]:
    inner = {key: value for key, value in fields.items() if key != "."}
    if not inner:
        if path:
            yield path
        return
    for key, value in inner.items():
        below = value if isinstance(value, Mapping) else {}
        yield from _walk(below, f"{path}{_part(str(key), first=not path)}")


def _part(key: str, *, first: bool) -> str:
    kind, _, name = key.partition(":")
    if kind == "f":
        return name if first else f".{name}"
    if kind == "k":
        try:
            keys = json.loads(name)
        except ValueError:
            keys = None
        if isinstance(keys, Mapping):
            return "[" + ",".join(f"{k}={v}" for k, v in keys.items()) + "]"
    return f"[{name}]"


def value_at(obj: Any, path: str) -> Any:
    """The value at a path as managedFields are spelled here; None where there is none."""
    for name, key in _PART.findall(path):
        if name:
            obj = obj.get(name) if isinstance(obj, Mapping) else None
        else:
            wanted = dict(pair.partition("=")[::2] for pair in key.split(","))
            items = obj if isinstance(obj, list) else []
            obj = next((item for item in items if _is(item, wanted)), None)
    return obj


def _is(item: Any, wanted: Mapping[str, str]) -> bool:
    return isinstance(item, Mapping) and all(str(item.get(k)) == v for k, v in wanted.items())
