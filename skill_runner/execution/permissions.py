"""Ask the API server for every right that a run needs, before the first change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from skill_runner.backends.base import Cluster, Right
from skill_runner.errors import ApiError, Forbidden, NotFound
from skill_runner.execution.rights import RBAC, Kinds, granted_by, rights_of
from skill_runner.objects import Object, Ref, at, is_cluster_scoped, plural_of
from skill_runner.outcome import Problem
from skill_runner.plan import Installation, Plan

_ROLES: Final = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})
_NAMESPACE: Final = (Right("create", "", "namespaces"),)


async def check(plan: Plan, cluster: Cluster, manifests: Sequence[Object]) -> None:
    """Forbidden (exit 4) with every right that the current user lacks for a run of the plan."""
    kinds = {(t.api_version, t.kind): t for t in await cluster.resource_types()}
    wanted = await needs(plan, cluster, manifests, kinds)
    missing = [str(right) for right in await cluster.denied(sorted(wanted, key=str))]
    missing += await _not_grantable(cluster, manifests, plan.installation.namespace)
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


async def _not_grantable(cluster: Cluster, manifests: Sequence[Object], own: str) -> list[str]:
    """The rights that Roles and bindings grant and we do not have, where the API server refuses a
    dry run of them; its own words where it refuses for another reason."""
    roles = [m for m in manifests if m["kind"] in _ROLES]

    async def refusal(manifest: Object) -> str:
        try:
            await cluster.apply(manifest, dry_run=True, force=True)
        except NotFound:
            return await _refusal_unseen(cluster, manifest, roles, own)
        except Forbidden as error:
            return error.message
        except ApiError as error:
            told = " ".join(error.message.split())
            return told[:300] if error.status == 403 and "not currently held" in told else ""
        return ""

    told = await asyncio.gather(*map(refusal, roles))
    refused = [role for role, words in zip(roles, told, strict=True) if words]
    lacking = await cluster.denied(sorted(granted_by(refused, own), key=str))
    return list(map(str, lacking)) or [words for words in told if words]


async def _refusal_unseen(
    cluster: Cluster, manifest: Object, roles: Sequence[Object], own: str
) -> str:
    """The same for a manifest whose namespace, or whose role, is not there yet: then the API server
    does not come to what it grants."""
    kind, meta = manifest["kind"], manifest["metadata"]
    of = at(manifest, "roleRef") or {"kind": kind, "name": meta["name"]}
    verb = "bind" if "roleRef" in manifest else "escalate"
    space = None if is_cluster_scoped(kind) else meta.get("namespace", own)
    may = Right(verb, RBAC, plural_of(of["kind"]), space, of["name"])
    bound = [r for r in roles if (r["kind"], r["metadata"]["name"]) == (of["kind"], of["name"])]
    granted = set(granted_by([manifest, *bound], own))
    lacking = set(await cluster.denied(sorted({*granted, may}, key=str)))
    return f"the current user may not {may}" if may in lacking and granted & lacking else ""


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
