"""Find the pods of a cluster that ask for a Dapr sidecar in vain, and let their owners remake them.

The injector's webhook fails open: a pod that is made while no injector serves starts without its
sidecar, and nothing in the cluster tells.
"""

from __future__ import annotations

from skill_runner.hooks.context import Context
from skill_runner.hooks.dapr import missing_sidecars
from skill_runner.objects import Object, Ref
from skill_runner.readiness.status.dapr import has_ended, lacks_sidecar, wants_sidecar


async def check_all_sidecars(ctx: Context) -> str:
    """Return how many pods of all namespaces have the sidecar that they ask for.

    GiveUp with SIDECAR_MISSING names those that have none.

        said = await check_all_sidecars(ctx)
    """
    pods = await _asking(ctx)
    if missing := [pod for pod in pods if lacks_sidecar(pod)]:
        raise missing_sidecars(missing)
    return f"{sum(not has_ended(pod) for pod in pods)} pods with a sidecar"


async def remake_without_sidecar(ctx: Context) -> str:
    """Delete each pod that has no sidecar once, so that its owner makes another, and say how many.

    A pod without an owner is left: GiveUp with SIDECAR_MISSING names it.

        said = await remake_without_sidecar(ctx)
    """
    missing = [pod for pod in await _asking(ctx) if lacks_sidecar(pod)]
    owned = [pod for pod in missing if pod["metadata"].get("ownerReferences")]
    for pod in owned:
        ref = Ref.of({"apiVersion": "v1", "kind": "Pod", **pod})
        await ctx.cluster.delete(ref, uid=pod["metadata"]["uid"])
    if alone := [pod for pod in missing if pod not in owned]:
        raise missing_sidecars(alone)
    return f"{len(owned)} pods made again, which had no sidecar" if owned else ""


async def _asking(ctx: Context) -> tuple[Object, ...]:
    """The pods of all namespaces that ask for a sidecar."""

    def pick(pod: Object) -> Object | None:
        return pod if wants_sidecar(pod) else None

    return (await ctx.cluster.list("v1", "Pod", pick=pick)).items
