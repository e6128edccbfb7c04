"""The proof of a site: its pages by HTTP from both sides, then in a browser."""

from __future__ import annotations

from skill_runner.hooks import Context, Pages, fill_credential, prove_door, prove_pages


async def prove_site(ctx: Context) -> str:
    """Opens the first page inside and outside the cluster, its assets, a missing page, a browser.

    The browser must show the heading without an error, and a click on a link must lead on.
    """
    root = str(ctx.inputs["base_url"] or "/")
    return await prove_pages(
        ctx,
        Pages(
            service=ctx.installation.name,
            port=8080,
            paths=[root],
            text=str(ctx.inputs["text"]),
            heading=str(ctx.inputs["heading"]),
            root=root,
        ),
    )


async def fill_gateway_key(ctx: Context) -> str:
    """Generate the credential that the gateway asks for; one that is there stays."""
    return await fill_credential(ctx)


async def prove_front_door(ctx: Context) -> str:
    """The application through its gateway: refused without the credential, answered with it."""
    return await prove_door(
        ctx, str(ctx.inputs["gateway"].get("path") or ctx.inputs["base_url"] or "/")
    )
