"""Drill an installation: take a pod away, and wait for its successor."""

from __future__ import annotations

from typing import Final

from skill_runner.errors import NotFound
from skill_runner.hooks.context import Context, GiveUp
from skill_runner.objects import Ref

LOOK_EVERY: Final = 0.5  # seconds


async def lose_pod(ctx: Context, name: str, *, seconds: float = 180) -> None:
    """Delete a pod of a StatefulSet, and wait until another one of its name is ready."""
    pod = Ref("v1", "Pod", name, ctx.namespace)
    before = (await ctx.get(pod))["metadata"]["uid"]
    await ctx.delete(pod)
    deadline = ctx.clock.monotonic() + seconds
    while not await is_back(ctx, pod, before):
        if ctx.clock.monotonic() > deadline:
            raise GiveUp(f"{pod} did not come back within {seconds:.0f} s")
        await ctx.clock.sleep(LOOK_EVERY)


async def is_back(ctx: Context, pod: Ref, before: str) -> bool:
    """Tell whether a pod of that name is ready, and is another than the one with uid `before`."""
    try:
        found = await ctx.get(pod)
    except NotFound:
        return False
    conditions = found.get("status", {}).get("conditions") or ()
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and found["metadata"]["uid"] != before
