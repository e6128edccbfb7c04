"""What a run needs to be allowed to do, asked of the API server before the first change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from skill_runner.backends.base import Cluster, Object
from skill_runner.errors import Forbidden
from skill_runner.outcome import Problem
from skill_runner.plan import Plan

# What the runner itself does in an installation's namespace: records, locks, waits, diagnoses;
# Helm keeps its releases in Secrets.
OWN: Final = (
    ("get", "v1", "ConfigMap"), ("patch", "v1", "ConfigMap"),
    ("create", "v1", "Secret"), ("list", "v1", "Secret"),
    ("create", "coordination.k8s.io/v1", "Lease"), ("update", "coordination.k8s.io/v1", "Lease"),
    ("list", "v1", "Pod"), ("watch", "v1", "Pod"), ("list", "v1", "Event"),
)  # fmt: skip
VERBS: Final = ("create", "get", "patch")  # of every kind that a plan makes

Need = tuple[str, str, str, str | None]  # verb, apiVersion, kind, namespace


async def check(plan: Plan, cluster: Cluster, manifests: Sequence[Object]) -> None:
    """Forbidden (exit 4) with everything that the current user lacks."""
    missing = await _denied(cluster, needs(plan, manifests))
    if not missing:
        return
    more = f", and {len(missing) - 1} more" if missing[1:] else ""
    cause = f"the current user may not {missing[0]}{more}"
    problem = Problem(
        code="FORBIDDEN", resource=str(plan.installation), cause=cause, evidence=missing,
        mend=f"Ask for these permissions for the user of context {cluster.target.context}.",
    )  # fmt: skip
    raise Forbidden(cause, problem=problem)


def needs(plan: Plan, manifests: Sequence[Object]) -> tuple[Need, ...]:
    """Every permission that a run of the plan uses, once."""
    here = plan.installation.namespace
    made = {(m["apiVersion"], m["kind"], m["metadata"].get("namespace")) for m in manifests}
    wanted: list[Need] = [(verb, *kind) for kind in sorted(made, key=str) for verb in VERBS]
    wanted += [(*own, here) for own in OWN]
    return tuple(dict.fromkeys(wanted))


async def _denied(cluster: Cluster, wanted: Sequence[Need]) -> tuple[str, ...]:
    served = {(t.api_version, t.kind): t for t in await cluster.resource_types()}

    async def answer(verb: str, api_version: str, kind: str, namespace: str | None) -> str:
        known = served.get((api_version, kind))
        if known is None:
            return ""  # a CRD of the same plan may bring it
        where = namespace if known.namespaced else None
        if await cluster.allowed(verb, api_version, kind, namespace=where):
            return ""
        return f"{verb} {kind} ({api_version})" + (f" in {where}" if where else "")

    answers = await asyncio.gather(*(answer(*need) for need in wanted))
    return tuple(told for told in answers if told)
