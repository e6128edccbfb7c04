"""The proof that an operator serves its kinds: the API server admits objects in a dry run."""

from __future__ import annotations

from skill_runner.errors import ApiError, NotFound
from skill_runner.hooks.context import Context, GiveUp, RetryLater
from skill_runner.hooks.operators import find_operators
from skill_runner.objects import Object
from skill_runner.readiness.status import compute
from skill_runner.skill.model import Admission
from skill_runner.text.quoting import excerpt


async def await_admission(ctx: Context, admission: Admission) -> str:
    """Return which objects would be admitted; nothing is made.

    RetryLater while the operator is not ready, the kind is not served (a CRD is established seconds
    after it is made) or a webhook does not answer; GiveUp with the reason of a refusal.
    """
    if admission.operator:
        await _check_running(ctx, admission.operator)
    for manifest in admission.objects:
        await _check_admitted(ctx, manifest)
    kinds = " and ".join(f"a {manifest['kind']}" for manifest in admission.objects)
    return f"{kinds} would be admitted"


async def _check_running(ctx: Context, operator: str) -> None:
    """The API alone would admit what nobody looks after."""
    for each in await find_operators(ctx, operator, namespace=ctx.namespace):
        verdict = compute(each)
        if not verdict.is_ready:
            raise RetryLater(f"the operator is not ready: {verdict.message}")


async def _check_admitted(ctx: Context, manifest: Object) -> None:
    kind, api_version = manifest["kind"], manifest["apiVersion"]
    try:
        await ctx.cluster.create(manifest, dry_run=True)
    except NotFound as error:
        raise RetryLater(f"{kind} ({api_version}) is not served yet: {error}") from error
    except ApiError as error:
        if error.status < 500:
            raise GiveUp(f"a {kind} is not admitted: {excerpt(error.message)}") from error
        raise RetryLater(f"the API does not answer yet: {excerpt(error.message)}") from error
