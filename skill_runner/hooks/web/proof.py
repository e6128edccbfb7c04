"""The proof of a web installation: inside, outside, in a browser; one sentence of what was seen."""

from __future__ import annotations

import os

from skill_runner.hooks.context import Context, GiveUp, RetryLater
from skill_runner.hooks.selection import app_labels, ready_pods
from skill_runner.hooks.web.chromium import find_browser
from skill_runner.hooks.web.inside import check_service
from skill_runner.hooks.web.outside import check_pages
from skill_runner.hooks.web.visit import visit_pages
from skill_runner.skill.model import WebPages


async def prove_pages(ctx: Context, pages: WebPages) -> str:
    """GiveUp or RetryLater with the address and the fault; what was seen otherwise."""
    inside = await check_service(ctx, pages)
    pod = await _ready_pod(ctx, pages.service)
    async with ctx.port_forward(pod, int(pages.port)) as port:
        base = f"http://127.0.0.1:{port}"
        outside = await check_pages(base, pages.paths, pages.text, pages.root)
        seen = await _browser(ctx, base, pages)
    return f"{outside}; {inside}; {seen}"


async def _browser(ctx: Context, base: str, pages: WebPages) -> str:
    browser = find_browser(os.environ)
    if browser is None:
        return "browser skipped: no Chromium on this machine (apt-get install chromium)"
    if ctx.folder is None:
        raise GiveUp("there is no folder for a screenshot")
    return await visit_pages(browser, base, pages.paths, pages.heading, ctx.folder)


async def _ready_pod(ctx: Context, name: str) -> str:
    """A pod of the service that is ready and stays: not one of the version before."""
    found = await ready_pods(ctx, app_labels(name, name))
    if not found:
        raise RetryLater(f"no pod of {name} is ready")
    return str(found[0]["metadata"]["name"])
