"""A hook that writes as long as it is let, and a proof that looks."""

from skill_runner.hooks import Context, Ref


async def settle(ctx: Context) -> str:
    turn = 0
    while ctx.inputs["busy"]:
        turn += 1
        live = await ctx.get(Ref("v1", "ConfigMap", "settings", ctx.namespace))
        meta = {key: live["metadata"].get(key, {}) for key in ("labels", "annotations")}
        await ctx.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {**meta, "name": "settings", "namespace": ctx.namespace},
                "data": {**live["data"], "turn": str(turn)},
            }
        )
        await ctx.clock.sleep(0.1)
    return "settled"


async def works(ctx: Context) -> str:
    store = await ctx.get(Ref("apps/v1", "StatefulSet", ctx.installation.name, ctx.namespace))
    return f"{store['status']['availableReplicas']} available"
