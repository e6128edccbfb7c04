"""The proof of a Next.js application: its pages by HTTP from both sides, then in a browser."""

from __future__ import annotations

from skill_runner.hooks import Context, Pages, prove_pages


async def prove_application(ctx: Context) -> str:
    """Opens the pages inside and outside the cluster, their assets, a missing page, a browser.

    The browser must show the heading without an error, and a click on a link must lead on.
    """
    return await prove_pages(
        ctx,
        Pages(
            service=ctx.installation.name,
            port=int(ctx.inputs["port"]),
            paths=list(ctx.inputs["paths"]),
            text=str(ctx.inputs["text"]),
            heading=str(ctx.inputs["heading"]),
        ),
    )
