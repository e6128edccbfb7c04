"""Strimzi's operator: the only one of the cluster, and one that looks after every namespace."""

from __future__ import annotations

from typing import Final

from skill_runner.hooks import Context, GiveUp, Operator, check_one_operator, variable_of

STRIMZI: Final = Operator(
    skill="strimzi-operator",
    title="Strimzi",
    deployment="strimzi-cluster-operator",  # by every chart and manifest of the project
    ours={"release": "strimzi"},
    lowest=(0, 49),
    fits="0.49 is the first that serves kafka.strimzi.io/v1",
    upgrade="Upgrade it by what installed it, and its CRDs, which Helm leaves as they are.",
)


async def check_only_one(ctx: Context) -> None:
    """Two operators would fight over every Kafka; the one serves every namespace."""
    adopted = await check_one_operator(ctx, STRIMZI)
    if adopted is None:
        return
    watched = variable_of(adopted, "STRIMZI_NAMESPACE")
    if watched != "*":
        raise GiveUp(
            f"the operator in {ctx.namespace} looks after {watched or 'its own namespace'} alone",
            hint="Let it watch every namespace: the value watchAnyNamespace=true of its chart.",
        )
