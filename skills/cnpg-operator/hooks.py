"""CloudNativePG's operator: the only one of the cluster."""

from __future__ import annotations

from typing import Final

from skill_runner.hooks import Context, Operator, check_one_operator

CNPG: Final = Operator(
    skill="cnpg-operator",
    title="CloudNativePG",
    deployment="app.kubernetes.io/name=cloudnative-pg",
    ours={"app.kubernetes.io/instance": "cnpg"},
    lowest=(1, 28),  # from here on, and below 2.0: Cluster as postgresql.cnpg.io/v1 has it
    below=(2, 0),
    fits="1.28 or newer, below 2, fits",
)


async def check_only_one(ctx: Context) -> None:
    """Two operators would fight over every Cluster's webhooks."""
    await check_one_operator(ctx, CNPG)
