"""The hooks of a skill for tests: one looks, one proves, each hangs when it is asked to."""

from skill_runner.hooks import Context, GiveUp


async def after(ctx: Context) -> str:
    await _hang(ctx, "hook")
    return "done"


async def says(ctx: Context) -> str:
    await _hang(ctx, "proof")
    pods = await ctx.list("v1", "Pod", labels=f"app={ctx.installation.name}")
    pod = next(p for p in pods if not p["metadata"].get("deletionTimestamp"))
    told = await ctx.exec(pod["metadata"]["name"], ["cat", "/tmp/greeting"], container="web")
    if told.stdout.strip() != ctx.inputs["greeting"].strip():
        raise GiveUp(f"it says {told.stdout[:80]!r}")
    return "it says what it was told to"


async def _hang(ctx: Context, where: str) -> None:
    if ctx.inputs["hang"] == where:
        ctx.note(f"hanging in the {where}")
        await ctx.clock.sleep(600)
