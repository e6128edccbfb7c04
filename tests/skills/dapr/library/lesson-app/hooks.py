"""An application's own proof of its sidecar."""

from __future__ import annotations

from skill_runner.hooks import Context, check_sidecars


async def see_sidecars(ctx: Context) -> str:
    return await check_sidecars(ctx, "app=lesson", components=["lesson-state"])
