"""A hook that writes as long as it is let, and a proof that looks."""

from skill_runner.backends.base import Ref
from skill_runner.hooks import Context


async def settle(ctx: Context) -> str:
    turn = 0
    while ctx.inputs["busy"]:
        turn += 1
        await ctx.apply({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": ctx.namespace},
            "data": {"level": str(ctx.inputs["level"]), "turn": str(turn)},
        })  # fmt: skip
        await ctx.clock.sleep(0.1)
    return "settled"


async def works(ctx: Context) -> str:
    store = await ctx.get(Ref("apps/v1", "StatefulSet", ctx.installation.name, ctx.namespace))
    return f"{store['status']['availableReplicas']} available"
