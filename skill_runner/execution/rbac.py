"""Rights → the Roles, ClusterRoles and bindings that grant exactly these, ready to be applied."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from skill_runner.backends.base import Right
from skill_runner.objects import Object

ACCOUNT: Final = "skill-runner"
_API: Final = "rbac.authorization.k8s.io"


def documents(
    rights: Iterable[Right], *, name: str, account: tuple[str, str], namespaces: Iterable[str]
) -> list[Object]:
    """The namespaces that must exist, the ServiceAccount (namespace, name), a Role for each
    namespace, and a ClusterRole where a right is of no namespace; each role with its binding."""
    by_place: dict[str | None, set[Right]] = defaultdict(set)
    for right in rights:
        by_place[right.namespace].add(right)
    space, user = account
    made: list[Object] = [_object("v1", "Namespace", each) for each in sorted(namespaces)]
    made.append(_object("v1", "ServiceAccount", user, space))
    for place in sorted(by_place, key=lambda each: each or ""):
        kind = "Role" if place else "ClusterRole"
        role = _object(f"{_API}/v1", kind, name, place)
        binding = _object(f"{_API}/v1", f"{kind}Binding", name, place)
        made.append({**role, "rules": rules(by_place[place])})
        made.append(
            {
                **binding,
                "roleRef": {"apiGroup": _API, "kind": kind, "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": user, "namespace": space}],
            }
        )
    return made


def rules(rights: Iterable[Right]) -> list[Object]:
    """Rules of one role, as few as there can be without granting more."""
    verbs: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for right in rights:
        verbs[right.url, right.group, right.resource, right.name].add(right.verb)
    alike: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (url, group, resource, name), each in sorted(verbs.items()):
        alike[url, group, name, tuple(sorted(each))].append(resource)
    return [_rule(*key, resources) for key, resources in alike.items()]


def _rule(url: str, group: str, name: str, verbs: tuple[str, ...], resources: list[str]) -> Object:
    if url:
        return {"nonResourceURLs": [url], "verbs": list(verbs)}
    named = {"resourceNames": [name]} if name else {}
    return {"apiGroups": [group], "resources": resources, **named, "verbs": list(verbs)}


def _object(api_version: str, kind: str, name: str, namespace: str | None = None) -> Object:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta}
