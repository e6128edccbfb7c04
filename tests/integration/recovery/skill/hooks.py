"""A proof that only reads, and one that writes."""

from __future__ import annotations

from skill_runner.hooks import Context, Ref


async def looks(ctx: Context) -> str:
    found = await ctx.get(Ref("apps/v1", "Deployment", "web", ctx.namespace))
    return f"{found['status']['availableReplicas']} available"


async def writes(ctx: Context) -> str:
    where = {"name": "proof", "namespace": ctx.namespace}
    await ctx.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": where, "data": {"a": "b"}}
    )
    return "wrote"
