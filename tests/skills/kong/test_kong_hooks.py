"""The gateway's hooks without a cluster: what is there already, and whether changes arrive."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.errors import HookFailed
from skill_runner.hooks.call import call_hook
from skill_runner.objects import Object
from skill_runner.skill.library import default_library
from skill_runner.testing import MemoryCluster
from tests.skills.kong import NAME
from tests.support.contexts import scripted
from tests.unit.readiness.wait.test_kong import (
    LIMIT,
    POD,
    SAID,
    an_object,
    definition,
    event,
    growing,
    metrics_of,
)

SKILL = default_library().find(NAME)
OWNER = "meta.helm.sh/release-namespace"
GATEWAYS = "gateways.gateway.networking.k8s.io"


async def call(hook: str, cluster: MemoryCluster, **inputs: Any) -> Any:
    return await call_hook(SKILL, hook, scripted(SKILL, cluster=cluster, **inputs), timeout=60)


def ingress_class(name: str, **notes: str) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": name, "annotations": notes},
        "spec": {},
    }


def gateway_api(**notes: str) -> Object:
    made = definition("Gateway")
    made["metadata"] = {"name": GATEWAYS, "annotations": notes}
    names = {"kind": "Gateway", "plural": "gateways", "singular": "gateway"}
    made["spec"] = {**made["spec"], "group": "gateway.networking.k8s.io", "names": names}
    return made


@pytest.mark.parametrize(
    ("there", "inputs"),
    [
        ([], {}),
        ([ingress_class("kong", **{OWNER: "kong"})], {}),
        ([ingress_class("kong", **{OWNER: "other"})], {"class_name": "inner"}),
        ([gateway_api()], {"gateway_api": "adopt"}),
        ([gateway_api()], {"gateway_api": "off"}),
        ([gateway_api(**{"skill-runner.dev/installation": f"kong/{NAME}"})], {}),
    ],
)
async def test_what_fits_is_let_through(there: list[Object], inputs: dict[str, Any]) -> None:
    cluster = MemoryCluster()
    for each in there:
        cluster.put(each)
    await call("check_cluster", cluster, **inputs)


@pytest.mark.parametrize(
    ("there", "inputs", "words", "hint"),
    [
        ([ingress_class("kong", **{OWNER: "other"})], {}, "made in other", "class_name=NAME"),
        ([ingress_class("kong")], {}, "made in another way", "class_name=NAME"),
        (
            [gateway_api(**{"gateway.networking.k8s.io/bundle-version": "v1.4.1"})],
            {},
            "a Gateway API already, v1.4.1",
            "gateway_api=adopt",
        ),
        ([], {"gateway_api": "adopt"}, "no Gateway API to adopt", "gateway_api=install"),
    ],
)
async def test_what_does_not_is_refused(
    there: list[Object], inputs: dict[str, Any], words: str, hint: str
) -> None:
    cluster = MemoryCluster()
    for each in there:
        cluster.put(each)
    with pytest.raises(HookFailed, match=words) as refused:
        await call("check_cluster", cluster, **inputs)
    assert hint in refused.value.hint


async def test_a_refused_configuration_is_a_problem_of_its_own() -> None:
    cluster = MemoryCluster()
    for space in ("kong", "lessons"):
        cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    await call("prove_config_accepted", cluster)
    cluster.put(definition("KongPlugin"))
    for each in (an_object(POD), an_object(LIMIT), event(POD, "failed"), event(LIMIT, SAID)):
        cluster.put(each)
    cluster.on_connect("kong", "kong-1", 10255, metrics_of(growing()))
    with pytest.raises(HookFailed) as failed:
        await call("prove_config_accepted", cluster)
    problem = failed.value.problem
    assert problem is not None
    assert (problem.code, problem.resource) == ("GATEWAY_CONFIG_REJECTED", str(LIMIT))
