"""The proof of SKILL_NAME. Hooks reach the cluster only through their Context."""

from __future__ import annotations

from skill_runner.hooks import (Context, GiveUp)


async def read_page(ctx: Context) -> str:
    """Read the page from inside the cluster, through the Service, as an application would."""
    result = await ctx.run_pod(
        name="read-page",
        image=ctx.images["server"].ref,
        command=["curl", "--fail", "--silent", "--show-error", "--retry", "5",
                 "--retry-connrefused", ctx.outputs["url"]]
    )
    if result.exit_code != 0:
        raise GiveUp(f"the page cannot be read: {result.logs.strip()[-200:]}")
    if ctx.inputs["greeting"] not in result.logs:
        raise GiveUp(f"the page says {result.logs.strip()[:100]!r}, not the greeting")
    return "the page says the greeting"
