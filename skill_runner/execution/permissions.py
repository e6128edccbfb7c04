"""Ask the API server for every right that a run needs, before the first change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from skill_runner.backends.base import Cluster, Right
from skill_runner.errors import ApiError, Forbidden, NotFound
from skill_runner.execution.rights import Kinds, rights_of
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Problem
from skill_runner.plan import Installation, Plan

_ROLES: Final = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})
_NAMESPACE: Final = (Right("create", "", "namespaces"),)


async def check(plan: Plan, cluster: Cluster, manifests: Sequence[Object]) -> None:
    """Forbidden (exit 4) with every right that the current user lacks for a run of the plan."""
    kinds = {(t.api_version, t.kind): t for t in await cluster.resource_types()}
    wanted = await needs(plan, cluster, manifests, kinds)
    missing = [str(right) for right in await cluster.denied(sorted(wanted, key=str))]
    missing += await _not_grantable(cluster, manifests)
    if missing:
        raise _forbidden(plan.installation, cluster, missing, plan.skill.name)


async def needs(
    plan: Plan, cluster: Cluster, manifests: Sequence[Object], kinds: Kinds
) -> frozenset[Right]:
    """The rights of a run, as far as they can be asked for by name: what Roles of the plan grant
    is tried (see `_not_grantable`), because whoever may escalate needs not have it."""
    known = rights_of(plan, manifests, kinds)
    wanted = known.of["run"]
    for space in known.namespaces:
        if await _is_missing(cluster, space):
            wanted |= frozenset(_NAMESPACE)
    return wanted


async def _is_missing(cluster: Cluster, namespace: str) -> bool:
    """Tell whether a namespace is to be made; one that we may not look at is taken for there."""
    try:
        await cluster.get(Ref("v1", "Namespace", namespace))
    except NotFound:
        return True
    except Forbidden:
        return False
    return False


async def _not_grantable(cluster: Cluster, manifests: Iterable[Object]) -> list[str]:
    """Roles and bindings that grant more than we have: the API server checks a dry run, too."""
    roles = [m for m in manifests if m["kind"] in _ROLES]

    async def refusal(manifest: Object) -> str:
        try:
            await cluster.apply(manifest, dry_run=True, force=True)
        except Forbidden as error:
            return error.message
        except ApiError as error:
            told = " ".join(error.message.split())
            return told[:300] if error.status == 403 and "not currently held" in told else ""
        return ""

    return [told for told in await asyncio.gather(*map(refusal, roles)) if told]


def _forbidden(
    installation: Installation, cluster: Cluster, missing: Sequence[str], skill: str
) -> Forbidden:
    more = f", and {len(missing) - 1} more" if missing[1:] else ""
    cause = f"the current user may not {missing[0]}{more}"
    problem = Problem(
        code="FORBIDDEN",
        resource=str(installation),
        cause=cause,
        evidence=tuple(missing),
        fix=f"Ask for these permissions for the user of context {cluster.target.context}; "
        f"`skill describe {skill} --rbac` prints all of them as roles.",
    )
    return Forbidden(cause, problem=problem)
