"""Volume claims that stand already: whether they can become what a skill's inputs ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from skill_runner.errors import NotFound
from skill_runner.hooks.context import Context, GiveUp
from skill_runner.objects import Object, Ref
from skill_runner.quantity import parse_quantity

DATA_VERSION: Final = "skill-runner.dev/data-version"  # an annotation of claims


async def check_claims(ctx: Context, labels: str, size: str) -> tuple[Object, ...]:
    """Return the claims with these labels, also those that an earlier removal kept.

    GiveUp where one is larger than `size` (a quantity: 5Gi), or smaller and cannot grow.

        claims = await check_claims(ctx, "app.kubernetes.io/instance=redis", "1Gi")
    """
    claims = await ctx.list("v1", "PersistentVolumeClaim", labels=labels)
    for claim in claims:
        name = claim["metadata"]["name"]
        has = claim["spec"]["resources"]["requests"]["storage"]
        if parse_quantity(has) > parse_quantity(size):
            raise GiveUp(
                f"volume {name} has {has}, and volumes cannot shrink to {size}",
                hint=f"Ask for storage={has} or more, or remove the old volume with its data.",
            )
        if parse_quantity(has) < parse_quantity(size):
            await _check_expansion(ctx, name, claim["spec"].get("storageClassName"), has)
    return claims


def data_versions(claims: Iterable[Object]) -> dict[str, str]:
    """Return what wrote the data of each claim, by the claim's name.

    The chart says it with the annotation `skill-runner.dev/data-version`; claims without it are
    left out.

        data_versions(claims) == {"data-redis-0": "valkey-8"}
    """
    said = {c["metadata"]["name"]: c["metadata"].get("annotations") or {} for c in claims}
    return {name: str(notes[DATA_VERSION]) for name, notes in said.items() if DATA_VERSION in notes}


async def check_kept(ctx: Context, labels: str, owner: Ref, why: str, *, hint: str) -> None:
    """Raise GiveUp when claims with these labels are there without the object that made them.

    For operators whose new object cannot take up what an earlier one left; `why` says so.

        await check_kept(ctx, "strimzi.io/cluster=events", kafka, "its id is another", hint="…")
    """
    claims = await ctx.list("v1", "PersistentVolumeClaim", labels=labels)
    if not claims:
        return
    try:
        await ctx.get(owner)
    except NotFound:
        held = ", ".join(claim["metadata"]["name"] for claim in claims)
        raise GiveUp(
            f"volumes of a {owner.kind} that was removed are in {ctx.namespace} ({held}); {why}",
            hint=hint,
        ) from None


async def _check_expansion(ctx: Context, claim: str, name: str | None, size: str) -> None:
    try:
        found = await ctx.get(Ref("storage.k8s.io/v1", "StorageClass", name or ""))
    except NotFound:
        found = {}
    if not found.get("allowVolumeExpansion"):
        raise GiveUp(
            f"volume {claim} cannot grow: StorageClass {name} does not allow expansion",
            hint=f"Keep storage={size}, or set allowVolumeExpansion where its driver can do that.",
        )
