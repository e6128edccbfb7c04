"""Wait for an Application of Argo CD in a hook, with its own words where it does not come."""

from __future__ import annotations

from typing import Final

from skill_runner.hooks.context import Context, GiveUp
from skill_runner.objects import Object, Ref, conditions
from skill_runner.readiness.status.delivered import at_revision

PATIENCE: Final = 60.0  # seconds
BUDGET: Final = 15.0  # seconds for an error that may pass: of a service that has just started
LOOK_EVERY: Final = 0.25


async def await_application(ctx: Context, ref: Ref, commit: str, *, error: str = "") -> None:
    """Return once all of a commit is there and healthy; or with `error`, once it has one that holds
    these words. GiveUp otherwise, with what the Application says.

        await await_application(ctx, ref, commit)
    """
    started = steady = ctx.clock.monotonic()
    while True:
        found = await ctx.get(ref)
        verdict = at_revision(found, commit)
        if _has_error(found, error) if error else verdict.is_ready:
            return
        now = ctx.clock.monotonic()
        steady = steady if verdict.state == "failed" else now
        if now > min(started + PATIENCE, steady + BUDGET):
            raise GiveUp(
                f"Argo CD does not deliver a commit: {verdict.message}",
                code="RESOURCE_FAILED",
                resource=str(ref),
            )
        await ctx.clock.sleep(LOOK_EVERY)


def _has_error(application: Object, words: str) -> bool:
    return any(words in str(each.get("message", "")) for each in conditions(application))
