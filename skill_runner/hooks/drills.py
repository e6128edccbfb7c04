"""Drill an installation: take a pod away, and wait for its successor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from skill_runner.errors import NotFound
from skill_runner.hooks.context import Context, GiveUp, RetryLater
from skill_runner.hooks.pods import MAIN
from skill_runner.hooks.selection import ready_pods
from skill_runner.objects import Ref

LOOK_EVERY: Final = 0.5  # seconds
T = TypeVar("T")


async def lose_pod(ctx: Context, name: str, *, seconds: float = 180) -> None:
    """Delete a pod of a StatefulSet, and wait until another one of its name is ready.

    GiveUp when that takes longer than `seconds`; NotFound when there is no such pod.

        await lose_pod(ctx, f"{ctx.release('server')}-0")
    """
    await _replaced(ctx, name, ctx.delete, seconds)


async def lose_pod_during(
    ctx: Context,
    name: str,
    work: Coroutine[Any, Any, T],
    *,
    started: Callable[[], Awaitable[bool]],
    seconds: float = 180,
) -> T:
    """Delete a pod of a StatefulSet while `work` runs, and return what the work returns.

    The pod is deleted once `started` is true, and has come back when this returns. GiveUp when
    either takes too long (`seconds` for the pod), or the work is over before the pod is deleted;
    errors of the work are raised as they are.

        said = await lose_pod_during(ctx, "kafka-2", produce(), started=messages_flow)
    """
    flow = asyncio.create_task(work)

    async def under_way() -> bool:
        return flow.done() or await started()

    async def lose(pod: Ref) -> None:
        await until(ctx, under_way, f"the work during which {pod} should be deleted did not start")
        if flow.done():
            await flow  # where it failed, that is the error
            raise GiveUp(f"the work was over before {pod} could be deleted")
        await ctx.delete(pod)
        await flow

    try:
        await _replaced(ctx, name, lose, seconds)
        return await flow
    finally:
        flow.cancel()


async def kill_pod_during(
    ctx: Context,
    labels: str,
    work: Coroutine[Any, Any, T],
    *,
    started: Callable[[], Awaitable[bool]],
) -> tuple[T, str]:
    """Kill one of the pods with these labels while `work` runs: no grace, as when a node is lost.

    Return what the work returns, and the pod's name, which is killed once `started` is true.
    RetryLater when there is none, or the work is over before; its errors are raised as they are.

        said, pod = await kill_pod_during(ctx, "app=orders", stream(), started=events_flow)
    """
    flow = asyncio.create_task(work)

    async def under_way() -> bool:
        return flow.done() or await started()

    try:
        await until(
            ctx, under_way, f"the work that a pod of {labels} should be lost in did not start"
        )
        pods = await ready_pods(ctx, labels)
        if pods and not flow.done():
            meta = pods[0]["metadata"]
            victim = Ref("v1", "Pod", meta["name"], ctx.namespace)
            await ctx.cluster.delete(victim, uid=meta["uid"], grace=0)
            amid = not flow.done()
            said = await flow
            if amid:
                return said, victim.name
        elif flow.done():
            await flow  # where it failed, that is the error
        raise RetryLater(f"no pod of {labels} could be killed before the work was over")
    finally:
        flow.cancel()
        await asyncio.gather(flow, return_exceptions=True)


async def _replaced(
    ctx: Context, name: str, lose: Callable[[Ref], Awaitable[None]], seconds: float
) -> None:
    pod = Ref("v1", "Pod", name, ctx.namespace)
    before = (await ctx.get(pod))["metadata"]["uid"]
    await lose(pod)
    await until(ctx, lambda: is_back(ctx, pod, before), f"{pod} did not come back", seconds=seconds)


async def until(
    ctx: Context,
    condition: Callable[[], Awaitable[object]],
    otherwise: str,
    *,
    seconds: float = 180,
) -> None:
    """Wait until `condition` gives what is true; GiveUp with `otherwise` after that many seconds.

    await until(ctx, lambda: has_said(ctx, "app=probe", "ready"), "the probe is not ready")
    """
    deadline = ctx.clock.monotonic() + seconds
    while not await condition():
        if ctx.clock.monotonic() > deadline:
            raise GiveUp(f"{otherwise} within {seconds:.0f} s")
        await ctx.clock.sleep(LOOK_EVERY)


async def is_back(ctx: Context, pod: Ref, before: str) -> bool:
    """Tell whether a `pod` of that name is ready, and is another than the one with uid `before`.

    await is_back(ctx, Ref("v1", "Pod", "kafka-0", ctx.namespace), before)
    """
    try:
        found = await ctx.get(pod)
    except NotFound:
        return False
    conditions = found.get("status", {}).get("conditions") or ()
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and found["metadata"]["uid"] != before


async def has_said(ctx: Context, labels: str, text: str) -> bool:
    """Tell whether a hook's own pod with these labels runs, and has printed the text.

    await has_said(ctx, "skill-runner.dev/mark=drill-1a2b3c", "producing")
    """
    pods = await ctx.list("v1", "Pod", labels=labels)
    if not any(pod.get("status", {}).get("phase") == "Running" for pod in pods):
        return False
    return text in await ctx.logs(pods[0]["metadata"]["name"], MAIN)
