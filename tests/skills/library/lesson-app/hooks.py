"""An application's own proof of its sidecar."""

from __future__ import annotations

from skill_runner.hooks.call import Context
from skill_runner.hooks.dapr import check_sidecars


async def see_sidecars(ctx: Context) -> str:
    return await check_sidecars(ctx, "app=lesson", components=["lesson-state"])
