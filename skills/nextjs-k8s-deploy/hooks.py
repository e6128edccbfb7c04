"""The way through a gateway: its credential, and its proof."""

from __future__ import annotations

from skill_runner.hooks import Context, fill_credential, prove_door


async def ensure_gateway_key(ctx: Context) -> str:
    """Generate the credential that the gateway asks for; one that is there stays."""
    return await fill_credential(ctx)


async def prove_front_door(ctx: Context) -> str:
    """The application through its gateway: refused without the credential, answered with it."""
    return await prove_door(ctx, str(ctx.let["way"]["path"]))
