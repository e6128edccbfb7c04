"""Volume claims that stand already: whether they can become what a skill's inputs ask for."""

from __future__ import annotations

from skill_runner.errors import NotFound
from skill_runner.hooks.context import Context, GiveUp
from skill_runner.objects import Object, Ref
from skill_runner.quantity import parse_quantity


async def check_claims(ctx: Context, labels: str, size: str) -> tuple[Object, ...]:
    """The claims with these labels; GiveUp where one would shrink, or grow and cannot."""
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
