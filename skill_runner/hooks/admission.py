"""The proofs that webhooks serve: objects are admitted in a dry run, or their services answer."""

from __future__ import annotations

from skill_runner.errors import ApiError, NotFound
from skill_runner.hooks.context import Context, GiveUp, RetryLater
from skill_runner.hooks.operators import find_operators
from skill_runner.objects import Object, Ref, at
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


async def await_webhook(ctx: Context, webhook: Ref) -> str:
    """Return how many endpoints serve a webhook configuration of the installation.

    RetryLater while its Services have none, or it lacks the CA bundle by which the API server
    trusts them, which many controllers write themselves when they serve.

        said = await await_webhook(ctx, Ref(GROUP, "MutatingWebhookConfiguration", "injector"))
    """
    served = 0
    for each in (await ctx.get(webhook)).get("webhooks") or ():
        service = at(each, "clientConfig.service.name", "")
        found = await ctx.list(
            "discovery.k8s.io/v1", "EndpointSlice", labels=f"kubernetes.io/service-name={service}"
        )
        endpoints = [endpoint for part in found for endpoint in part.get("endpoints") or ()]
        ready = sum(bool(at(endpoint, "conditions.ready")) for endpoint in endpoints)
        if not ready:
            raise RetryLater(
                f"webhook {each['name']}: Service {service} has no endpoint", after=0.5
            )
        if not at(each, "clientConfig.caBundle"):
            raise RetryLater(f"webhook {each['name']} has no CA bundle yet", after=0.5)
        served += ready
    return f"{served} endpoints"


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
