"""Ask an application for the routes at which its Dapr sidecar will hand events over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx

from skill_runner.hooks.context import Context, GiveUp, RetryLater
from skill_runner.objects import Object, at
from skill_runner.readiness.wait.dapr import ask_metadata

TIMEOUT: Final = 5.0  # seconds for an answer
LOST: Final = (
    "Dapr takes 404 for an answer: such events are lost, without a retry or a dead letter."
)


async def check_routes(ctx: Context, labels: str, port: int) -> int:
    """Return how many routes of subscriptions the application knows, whose `port` is the pod's.

    The sidecar of the first pod with these `labels` names them, whoever subscribed. GiveUp when one
    is unknown to the application (404 to OPTIONS, which changes nothing); RetryLater while nobody
    answers.

        await check_routes(ctx, "app=orders", 8000)
    """
    pods = [
        pod
        for pod in await ctx.list("v1", "Pod", labels=labels)
        if not at(pod, "metadata.deletionTimestamp")
    ]
    if not pods:
        raise RetryLater(f"there is no pod with {labels} yet")
    name = str(at(pods[0], "metadata.name"))
    try:
        routes = routes_of(await ask_metadata(ctx.cluster, pods[0]))
        unknown = await _unknown(ctx, pods[0], port, routes)
    except httpx.HTTPError as error:
        raise RetryLater(f"pod {ctx.namespace}/{name} does not answer yet: {error!r}") from error
    if unknown:
        told = ", ".join(f"{path} (topic {routes[path]})" for path in unknown)
        raise GiveUp(
            f"the application answers 404 at {told}",
            code="PROOF_FAILED",
            resource=f"Pod {ctx.namespace}/{name}",
            hint=f"{LOST} Correct `routes`, or add the route to the application.",
        )
    return len(routes)


def routes_of(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the topic of each path that the sidecar's subscriptions name."""
    return {
        str(rule["path"]): str(each.get("topic"))
        for each in metadata.get("subscriptions") or ()
        for rule in each.get("rules") or ()
        if rule.get("path")
    }


async def _unknown(ctx: Context, pod: Object, port: int, routes: Mapping[str, str]) -> list[str]:
    if not routes:
        return []
    async with (
        ctx.port_forward(str(at(pod, "metadata.name")), port) as local,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{local}", timeout=TIMEOUT, trust_env=False
        ) as client,
    ):
        return [p for p in routes if (await client.options(p)).status_code == 404]
