"""Find which of many rights we lack, by few questions to the API server.

A SelfSubjectRulesReview lists the rules that hold in one namespace, those of ClusterRoleBindings
among them. It tells nothing sure of cluster-scoped resources, because it does not say which rule
came from a RoleBinding; nor anything sure where an authorizer cannot list its rules (a webhook's,
as managed clusters have): then the review is incomplete, and each right is asked for by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from skill_runner.backends.base import Right
from skill_runner.backends.kube.transport import Transport

_ROOT: Final = "/apis/authorization.k8s.io/v1"
_TYPE: Final = "authorization.k8s.io/v1"


async def denied(transport: Transport, rights: Sequence[Right]) -> tuple[Right, ...]:
    """Those of the rights that we do not have, in their order."""
    asked = tuple(dict.fromkeys(rights))
    spaces = sorted({r.namespace for r in asked if r.namespace})
    rules = dict(
        zip(
            spaces,
            await asyncio.gather(*(_rules(transport, space) for space in spaces)),
            strict=True,
        )
    )

    async def has(right: Right) -> bool:
        known = rules.get(right.namespace or "")
        if known is not None:
            return any(grants(rule, right) for rule in known)
        return await _may(transport, right)

    answers = await asyncio.gather(*map(has, asked))
    return tuple(right for right, granted in zip(asked, answers, strict=True) if not granted)


async def _rules(transport: Transport, namespace: str) -> list[Mapping[str, Any]] | None:
    """The rules of a namespace; None where they are not all that decides."""
    answer = await transport.json(
        "POST",
        f"{_ROOT}/selfsubjectrulesreviews",
        effect="read",
        body={
            "apiVersion": _TYPE,
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        },
    )
    status = answer.get("status") or {}
    if status.get("incomplete") or status.get("evaluationError"):
        return None
    return list(status.get("resourceRules") or ())


async def _may(transport: Transport, right: Right) -> bool:
    answer = await transport.json(
        "POST",
        f"{_ROOT}/selfsubjectaccessreviews",
        effect="read",
        body={
            "apiVersion": _TYPE,
            "kind": "SelfSubjectAccessReview",
            "spec": _attributes(right),
        },
    )
    return bool(answer["status"].get("allowed"))


def _attributes(right: Right) -> Mapping[str, Any]:
    if right.url:
        return {"nonResourceAttributes": {"verb": right.verb, "path": right.url}}
    resource, _, subresource = right.resource.partition("/")
    return {
        "resourceAttributes": {
            "verb": right.verb,
            "group": right.group,
            "version": "*",
            "resource": resource,
            "subresource": subresource,
            "namespace": right.namespace or "",
            "name": right.name,
        }
    }


def grants(rule: Mapping[str, Any], right: Right) -> bool:
    """Tell whether one rule of RBAC grants a right (as VerbMatches and its like in
    k8s.io/kubernetes/pkg/apis/rbac/v1/evaluation_helpers.go)."""
    names = rule.get("resourceNames") or ()
    return (
        _covers(rule.get("verbs"), right.verb)
        and _covers(rule.get("apiGroups"), right.group)
        and _covers_resource(rule.get("resources"), right.resource)
        and (not names or right.name in names)
    )


def _covers(listed: Iterable[str] | None, wanted: str) -> bool:
    return any(each in ("*", wanted) for each in listed or ())


def _covers_resource(listed: Iterable[str] | None, wanted: str) -> bool:
    _, _, subresource = wanted.partition("/")
    also = f"*/{subresource}" if subresource else wanted
    return any(each in ("*", wanted, also) for each in listed or ())
