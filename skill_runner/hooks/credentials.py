"""Secrets that pods read when they start: that they are there, and pods that are older than them.

A container reads a Secret's values when it starts, and a Dapr sidecar those that its components
name: after a password was changed, pods of before go on with the old one until they fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from skill_runner.errors import NotFound
from skill_runner.hooks.context import Context, GiveUp
from skill_runner.hooks.drills import until
from skill_runner.hooks.secrets import find_secret, generate_password, read_secret, write_secret
from skill_runner.objects import Object, Ref, at
from skill_runner.readiness.status import compute

CHANGED: Final = "skill-runner.dev/secrets-changed"  # an annotation of pods, which makes new ones


async def stale_pods(ctx: Context, labels: str, secrets: Iterable[str]) -> Mapping[str, str]:
    """Return the names of pods that were made before one of these Secrets of the namespace got the
    values that it has, each with the time of the newest change; terminating pods are left out.

        stale = await stale_pods(ctx, "app=orders", ["db-app"])
    """
    changed = max([await _changed(ctx, name) for name in secrets], default="")
    return {
        str(at(pod, "metadata.name")): changed
        for pod in await ctx.list("v1", "Pod", labels=labels)
        if not at(pod, "metadata.deletionTimestamp")
        and str(at(pod, "metadata.creationTimestamp")) < changed
    }


async def _changed(ctx: Context, name: str) -> str:
    """When the values of a Secret were written last; "" where that is not known."""
    try:
        secret = await ctx.get(Ref("v1", "Secret", name, ctx.namespace))
    except NotFound:
        return ""
    return last_change(secret)


def last_change(secret: Object) -> str:
    """Return when its `data` was last written, as RFC 3339, by who manages its fields."""
    times = [
        str(entry.get("time", ""))
        for entry in at(secret, "metadata.managedFields", [])
        if "f:data" in (entry.get("fieldsV1") or {})
    ]
    return max(times, default="")


async def check_fresh_pods(ctx: Context, labels: str, secrets: Iterable[str]) -> None:
    """Raise GiveUp, naming the pod, when one with these `labels` is older than what its `secrets`
    hold; it has read other values when it started.

        await check_fresh_pods(ctx, "app=orders", ["db-app"])
    """
    for pod, changed in (await stale_pods(ctx, labels, secrets)).items():
        raise GiveUp(
            f"pod {pod} reads its Secrets when it starts, and they were changed at {changed},"
            " after it was made",
            code="PROOF_FAILED",
            resource=f"Pod {ctx.namespace}/{pod}",
            hint="`skill run` on this installation replaces its pods.",
        )


async def check_secret(ctx: Context, name: str, *, hint: str) -> None:
    """Raise GiveUp CONFIG_MISSING, with `hint`, when a Secret of the namespace has no values.

    await check_secret(ctx, "db-app", hint="`skill run postgres-k8s-setup` copies it again.")
    """
    if not await find_secret(ctx, Ref("v1", "Secret", name, ctx.namespace)):
        raise GiveUp(
            f"Secret {name} of namespace {ctx.namespace} is missing or empty",
            code="CONFIG_MISSING",
            resource=f"Secret {ctx.namespace}/{name}",
            hint=hint,
        )


async def ensure_token(ctx: Context, name: str, key: str = "token") -> str:
    """Generate a value of a Secret of the namespace; one that is there stays. Return what was done.

    return await ensure_token(ctx, "orders-app-token")
    """
    ref = Ref("v1", "Secret", name, ctx.namespace)
    if (await read_secret(ctx, ref)).get(key):
        return ""
    await write_secret(ctx, ref, {key: generate_password()})
    return f"generated {key} of Secret {name}"


async def replace_stale_pods(
    ctx: Context, deployment: str, labels: str, secrets: Iterable[str], *, seconds: float = 240
) -> str:
    """Roll a Deployment out again where its pods are older than the values of their `secrets`.

    Return what was done, "" for nothing. GiveUp when the new pods are not ready within `seconds`.

        return await replace_stale_pods(ctx, "orders", "app=orders", ["db-app"])
    """
    secrets = list(secrets)
    stale = await stale_pods(ctx, labels, secrets)
    if not stale:
        return ""
    ref = Ref("apps/v1", "Deployment", deployment, ctx.namespace)
    note = {"metadata": {"annotations": {CHANGED: max(stale.values())}}}
    await ctx.apply(
        {
            "apiVersion": ref.api_version,
            "kind": ref.kind,
            "metadata": {"name": deployment, "namespace": ctx.namespace},
            "spec": {"template": note},
        }
    )

    async def replaced() -> bool:
        ready = compute(await ctx.get(ref)).is_ready
        return ready and not await stale_pods(ctx, labels, secrets)

    await until(
        ctx,
        replaced,
        f"{ref} got no new pods that are ready, whose Secrets changed",
        seconds=seconds,
    )
    return f"replaced {len(stale)} pods, which were older than the values of their Secrets"
