"""The operators' hooks without a cluster: which operator is there, and whether it is at work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from skill_runner.errors import HookFailed
from skill_runner.hooks.call import call_hook
from skill_runner.hooks.declared import call as call_declared
from skill_runner.objects import Ref
from skill_runner.plan import make_plan
from skill_runner.skill.library import default_library
from skill_runner.testing import MemoryCluster
from tests.skills.operators import CNPG, STRIMZI, StandIn
from tests.support.contexts import scripted

BOTH = pytest.mark.parametrize(
    ("skill", "operator"), [("strimzi-operator", STRIMZI), ("cnpg-operator", CNPG)]
)


async def cluster_of(operator: StandIn, *, ready: int = 1, **how: Any) -> MemoryCluster:
    cluster = MemoryCluster()
    for definition in operator.definitions():
        await cluster.create(definition)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": operator.namespace}}
    await cluster.create(space)
    made = await cluster.create(operator.deployment(**how))
    cluster.set_status(
        Ref.of(made),
        observedGeneration=1,
        replicas=1,
        updatedReplicas=1,
        readyReplicas=ready,
        availableReplicas=ready,
    )
    return cluster


async def call(skill: str, hook: str, cluster: MemoryCluster, **inputs: Any) -> Any:
    found = default_library().find(skill)
    return await call_hook(found, hook, scripted(found, cluster=cluster, **inputs), timeout=5)


async def admission(skill: str, cluster: MemoryCluster, operator: StandIn) -> Any:
    """The proof that skill.yaml declares, for an operator that is adopted."""
    found = default_library().find(skill)
    context = scripted(found, cluster=cluster, mode="adopt", namespace=operator.namespace)
    plan = make_plan(found, context.installation, context.inputs, context.images, {})
    return await call_declared(found, replace(plan.proofs[0], timeout=5), context)


@BOTH
async def test_one_that_works_is_adopted(skill: str, operator: StandIn) -> None:
    cluster = await cluster_of(operator)
    await call(skill, "check_only_one", cluster, mode="adopt", namespace=operator.namespace)
    assert "would be admitted" in await admission(skill, cluster, operator)


@BOTH
async def test_one_that_does_not_run_is_not_called_ready(skill: str, operator: StandIn) -> None:
    """The API would admit what nobody looks after."""
    cluster = await cluster_of(operator, ready=0)
    with pytest.raises(HookFailed, match="the operator is not ready: 0 of 1 replicas"):
        await admission(skill, cluster, operator)


@BOTH
async def test_kinds_that_are_not_served_yet_are_waited_for(skill: str, operator: StandIn) -> None:
    cluster = await cluster_of(operator)
    for definition in operator.definitions():
        await cluster.delete(Ref.of(definition))
    with pytest.raises(HookFailed, match=r"admits: .* is not served yet: .* \(for 5 s\)"):
        await admission(skill, cluster, operator)


@BOTH
async def test_a_second_one_is_refused(skill: str, operator: StandIn) -> None:
    cluster = await cluster_of(operator)
    with pytest.raises(HookFailed, match=f"{operator.version} is in this cluster already") as found:
        await call(skill, "check_only_one", cluster)
    assert f"--set mode=adopt -n {operator.namespace}" in found.value.hint


@BOTH
async def test_none_to_adopt_is_said(skill: str, operator: StandIn) -> None:
    cluster = await cluster_of(operator)
    with pytest.raises(HookFailed, match="operator is in namespace elsewhere"):
        await call(skill, "check_only_one", cluster, mode="adopt", namespace="elsewhere")


@pytest.mark.parametrize(
    ("skill", "operator", "how", "words"),
    [
        ("strimzi-operator", STRIMZI, {"version": "0.48.0"}, "Strimzi 0.48.0; 0.49 is the first"),
        ("strimzi-operator", STRIMZI, {"version": "stable"}, "Strimzi of no known version"),
        ("strimzi-operator", STRIMZI, {"watched": "elsewhere"}, "looks after elsewhere alone"),
        ("cnpg-operator", CNPG, {"version": "1.27.1"}, "CloudNativePG 1.27.1; 1.28 or newer"),
        ("cnpg-operator", CNPG, {"version": "2.0.0"}, "CloudNativePG 2.0.0; 1.28 or newer, below"),
        ("cnpg-operator", CNPG, {"version": "stable"}, "CloudNativePG of no known version"),
    ],
)
async def test_one_that_does_not_fit_is_not_adopted(
    skill: str, operator: StandIn, how: dict[str, Any], words: str
) -> None:
    cluster = await cluster_of(operator, **how)
    with pytest.raises(HookFailed, match=words):
        await call(skill, "check_only_one", cluster, mode="adopt", namespace=operator.namespace)
