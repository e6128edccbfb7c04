"""A proof cleans up after itself: objects beside its pod, and what a failed script left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final

from skill_runner.errors import ApiError, HookFailed, NotFound
from skill_runner.hooks.context import Context, GiveUp, RetryLater
from skill_runner.objects import Object, Ref
from skill_runner.tasks import uncancelled
from skill_runner.text.quoting import excerpt

SERVED: Final = 10.0  # seconds in which a kind is served, once its definition is there
LOOK_EVERY: Final = 0.5
GONE: Final = 30.0  # seconds in which pods have ended
WORKLOADS: Final = frozenset({"Deployment", "Job", "StatefulSet"})


@asynccontextmanager
async def objects_for_proof(ctx: Context, manifests: Iterable[Object]) -> AsyncIterator[list[Ref]]:
    """Apply objects in their order, and delete them in the other one whatever happens.

    Those without a namespace are in the installation's. A kind that is not served yet is waited
    for, as its definition may be new; and at the end the pods of Deployments, StatefulSets and
    Jobs, before what they use is deleted.

        async with objects_for_proof(ctx, yaml.safe_load_all(PARTS.read_text())) as made:
            said = await ask(ctx)
    """
    made: list[Ref] = []
    try:
        for manifest in manifests:
            meta = {"namespace": ctx.namespace, **manifest["metadata"]}
            made.append(Ref.of({**manifest, "metadata": meta}))
            await _apply_once_served(ctx, {**manifest, "metadata": meta})
        yield made
    finally:
        await uncancelled(_delete_all(ctx, made))


async def _apply_once_served(ctx: Context, manifest: Object) -> None:
    deadline = ctx.clock.monotonic() + SERVED
    while True:
        try:
            await ctx.apply(manifest)
            return
        except ApiError as error:
            if not isinstance(error, NotFound) and error.status < 500:
                raise
            if ctx.clock.monotonic() > deadline:
                message = f"{Ref.of(manifest)} cannot be made: {excerpt(error.message)}"
                raise GiveUp(message) from error
        await ctx.clock.sleep(LOOK_EVERY)


async def _delete_all(ctx: Context, made: list[Ref]) -> None:
    for ref in reversed(made):
        if ref.kind in WORKLOADS:
            await ctx.cluster.delete(ref, propagation="Foreground")
            await _see_gone(ctx, ref)
        else:
            await ctx.cluster.delete(ref, propagation="Background")


async def _see_gone(ctx: Context, ref: Ref) -> None:
    """Wait until it is gone with its pods; one that does not go leaves the rest to be deleted."""
    deadline = ctx.clock.monotonic() + GONE
    while ctx.clock.monotonic() < deadline:
        try:
            await ctx.get(ref)
        except NotFound:
            return
        await ctx.clock.sleep(LOOK_EVERY)


@asynccontextmanager
async def cleaned_up(clean: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Call `clean` where the work within fails, and raise its failure; one of `clean` is silent.

    For a script that cleans up at its end, which it may not have reached.

        async with cleaned_up(lambda: psql(ctx, "drop", schema)):
            said = await psql(ctx, "write read drop", schema)
    """
    try:
        yield
    except (HookFailed, GiveUp):
        with suppress(HookFailed, GiveUp, RetryLater):
            await clean()
        raise
