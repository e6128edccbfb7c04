"""What a gateway of Kong takes: a proof that only reads, for skills that install or use one."""

from __future__ import annotations

from skill_runner.hooks.context import Context, GiveUp
from skill_runner.outcome.fix import fix_of
from skill_runner.readiness.wait.kong import refused_objects, sentence


async def check_config_accepted(ctx: Context) -> None:
    """The gateways take what their controllers push; GiveUp names the objects that one refuses.

    await check_config_accepted(ctx)
    """
    found = await refused_objects(ctx.cluster, ctx.clock, ctx.namespace)
    if found:
        raise GiveUp(
            "\n".join((sentence(found[0]), *(f"event of {each}" for each in found))),
            code="GATEWAY_CONFIG_REJECTED",
            resource=str(found[0].ref),
            hint=fix_of("GATEWAY_CONFIG_REJECTED"),
        )
