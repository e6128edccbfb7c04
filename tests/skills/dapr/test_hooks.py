"""The hooks of Dapr without a cluster: what they choose, refuse and name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skill_runner.backends.base import ReleaseSpec
from skill_runner.errors import HookFailed
from skill_runner.hooks.call import call_hook
from skill_runner.hooks.context import Context, GiveUp, PodResult
from skill_runner.objects import Object
from skill_runner.plan import (
    ImageChoice,
    Installation,
    Plan,
    PlannedApply,
    PlannedRelease,
    make_plan,
)
from skill_runner.plan.inputs import resolve_values
from skill_runner.progress import silent
from skill_runner.skill.library import default_library
from skill_runner.testing import FakeClock, MemoryCluster, MemoryHelm
from tests.support.contexts import scripted
from tests.support.definitions import definition

SKILL = default_library().find("dapr-k8s-setup")
STATE = {"name": "orders", "namespace": "default", "type": "state.postgresql"}


async def call(hook: str, ctx: Context) -> Any:
    return await call_hook(SKILL, hook, ctx, timeout=30)


@pytest.mark.parametrize(
    ("resources", "request_"),
    [
        ({}, ("50m", "64Mi")),
        ({"cpu": "20m", "memory": "32Mi"}, ("20m", "32Mi")),
        ({"cpu": "0.01", "memory": "1Gi"}, ("10m", "64Mi")),
    ],
)
def test_no_service_requests_more_than_its_limit(
    resources: dict[str, str], request_: tuple[str, str]
) -> None:
    inputs: dict[str, Any] = {"resources": resources} if resources else {}
    plan = planned(**inputs)
    (release,) = (step for step in plan.steps if isinstance(step, PlannedRelease))
    made = release.values["dapr_operator"]["resources"]
    assert (made["requests"]["cpu"], made["requests"]["memory"]) == request_
    assert release.values["dapr_scheduler"]["resources"]["requests"]["cpu"] == request_[0]


@pytest.mark.parametrize(
    ("component", "names"),
    [
        ({"type": "state.in-memory"}, []),
        ({"type": "secretstores.kubernetes", "metadata": {}}, []),
        ({"type": "pubsub.in-memory", "metadata": {"a": 1}}, ["a"]),
        ({"type": "state.redis", "secrets": {"b": {"name": "s", "key": "k"}}}, ["enableTLS", "b"]),
        ({"type": "pubsub.kafka"}, ["authType", "initialOffset", "version"]),
    ],
)
def test_every_component_has_its_metadata_be_it_empty(
    component: dict[str, Any], names: list[str]
) -> None:
    """The API server refuses null, by the definitions of the official chart as by our own."""
    plan = planned(components=[{"name": "a", "namespace": "shop", **component}])
    (applied,) = (step for step in plan.steps if isinstance(step, PlannedApply))
    assert [each["name"] for each in applied.manifests[0]["spec"]["metadata"]] == names


@pytest.mark.parametrize(
    ("inputs", "words", "code"),
    [
        (
            {"components": [{**STATE, "metadata": {"connectionString": "host=a password=b"}}]},
            "metadata.connectionString is a literal secret",
            "POLICY_VIOLATION",
        ),
        (
            {"components": [{**STATE, "secrets": {"connectionString": {"name": "a", "key": "b"}}}]},
            None,
            None,
        ),
        ({"components": [{**STATE, "metadata": {"tablePrefix": "a"}}]}, None, None),
    ],
)
async def test_a_literal_secret_is_refused(
    inputs: dict[str, Any], words: str | None, code: str | None
) -> None:
    ctx = scripted(SKILL, **inputs)
    if words is None:
        await call("check_literals", ctx)
        return
    with pytest.raises(HookFailed, match=words) as refused:
        await call("check_literals", ctx)
    assert refused.value.problem is not None
    assert refused.value.problem.code == code


def planned(built: bool = False, **inputs: Any) -> Plan:
    """The plan of these inputs where Dapr's images are pulled, or built."""
    images = {
        name: ImageChoice(
            name=name,
            ref=f"skill.local/{name}:1.14.0-abc" if built else image.ref,
            source="build" if built else "pull",
            official=image.ref,
        )
        for name, image in SKILL.images.items()
    }
    values = resolve_values(SKILL, inputs)
    return make_plan(SKILL, Installation("dapr-system", "dapr"), values, images, {})


async def checking(plan: Plan, *, there: str = "") -> Context:
    """The Context of a plan's checks; a release by the chart `there` is installed."""
    cluster = MemoryCluster()
    helm = MemoryHelm(cluster)
    if there:
        cluster.put(webhook("dapr-system"))
        helm.add_chart(there, lambda spec: ())
        await helm.install_or_upgrade(
            ReleaseSpec(name="dapr", namespace="dapr-system", chart=there)
        )
    return Context.of(plan, cluster=cluster, helm=helm, clock=FakeClock(), report=silent)


@pytest.mark.parametrize(
    ("inputs", "built", "expected"),
    [
        ({}, False, ("control-plane", "official", "1.18.3")),
        ({}, True, ("control-plane-bundled", "bundled", "1.14.0")),
        ({"version": "1.17.13"}, False, ("control-plane", "official", "1.17.13")),
        ({"mode": "official"}, True, ("control-plane", "official", "1.14.0")),
        ({"mode": "bundled"}, False, ("control-plane-bundled", "bundled", "1.14.0")),
        ({"chart": "/srv/dapr"}, True, ("control-plane-from-folder", "official", "1.14.0")),
        ({"chart": "/srv/dapr"}, False, ("control-plane-from-folder", "official", "1.18.3")),
    ],
)
async def test_the_chart_is_chosen_by_what_can_be_had(
    inputs: dict[str, Any], built: bool, expected: tuple[str, str, str]
) -> None:
    plan = planned(built, **inputs)
    (release,) = (step for step in plan.steps if isinstance(step, PlannedRelease))
    assert (release.id, plan.outputs["mode"], plan.outputs["version"]) == expected
    assert release.values["global"]["tag"] == plan.outputs["version"]
    for hook in ("check_version", "check_only_one"):
        await call(hook, await checking(plan))


@pytest.mark.parametrize(
    ("inputs", "built", "there", "words"),
    [
        ({"version": "1.18.3"}, True, "", "version is 1.18.3, and its chart is bundled"),
        ({"mode": "bundled", "version": "1.18.3"}, False, "", "for Dapr 1.14.0 alone"),
        (
            {"chart": "/srv/dapr", "version": "1.18.3"},
            True,
            "",
            "its images are built here",
        ),
        ({}, False, "dapr-bundled", "was installed by the bundled chart"),
        ({}, True, "dapr", "was installed by the official chart"),
    ],
)
async def test_what_cannot_be_had_or_would_break_what_is_there_is_refused(
    inputs: dict[str, Any], built: bool, there: str, words: str
) -> None:
    ctx = await checking(planned(built, **inputs), there=there)
    with pytest.raises(HookFailed, match=words):
        await call("check_only_one" if there else "check_version", ctx)


@pytest.mark.parametrize(
    ("built", "there"), [(False, "dapr"), (True, "dapr-bundled")], ids=["official", "bundled"]
)
async def test_what_was_installed_so_is_run_again(built: bool, there: str) -> None:
    await call("check_only_one", await checking(planned(built), there=there))


def webhook(owner: str) -> Object:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {
            "name": "dapr-sidecar-injector",
            "annotations": {"meta.helm.sh/release-namespace": owner},
        },
        "webhooks": [],
    }


async def test_one_control_plane_is_enough() -> None:
    cluster = MemoryCluster()
    cluster.put(webhook("elsewhere"))
    with pytest.raises(HookFailed, match="Dapr is in this cluster already, in namespace elsewhere"):
        await call("check_only_one", scripted(SKILL, cluster=cluster))


def proving(report: str, exit_code: int = 0) -> Context:
    """A Context in which the probe prints this; its broker serves."""
    cluster = MemoryCluster()
    for kind in ("Component", "Resiliency"):
        cluster.put(definition("dapr.io", kind, "v1alpha1"))
    for name in ("dapr-system", "default"):
        cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "skill-probe-broker-a",
                "namespace": "dapr-system",
                "labels": {"app": "skill-probe-broker"},
            },
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }
    )
    return scripted(SKILL, PodResult(exit_code, report), cluster=cluster, components=[STATE])


async def test_each_building_block_is_named_and_nothing_is_left() -> None:
    report = {"pubsub": {"seen": "an event came"}, "state": {"failed": "saving state: 500 no"}}
    ctx = proving(f"words of before\n{json.dumps(report)}\n")
    said = await call("prove_building_blocks", ctx)
    assert said["pubsub"] == "an event came"
    assert (str(said["state"]), type(said["state"])) == ("saving state: 500 no", GiveUp)
    for kind in ("Secret", "Service", "ServiceAccount"):
        for namespace in ("dapr-system", "default"):
            assert await ctx.list("v1", kind, namespace=namespace) == ()


async def test_a_probe_without_a_report_is_named_by_its_last_words() -> None:
    ctx = proving("Traceback\nthe sidecar does not answer after 80 s: refused\n", exit_code=1)
    with pytest.raises(HookFailed, match="the sidecar does not answer after 80 s: refused"):
        await call("prove_building_blocks", ctx)


async def test_a_component_that_the_probe_misses_is_named() -> None:
    report = {"loaded": ["events", "kubernetes"], "missing": ["orders", "cache"], "seen": []}
    with pytest.raises(HookFailed, match="components orders, cache are not loaded") as failed:
        await call("prove_components", proving(json.dumps(report)))
    problem = failed.value.problem
    assert problem is not None
    assert (problem.code, problem.resource) == ("COMPONENT_NOT_LOADED", "Component default/orders")
    assert problem.evidence == ("loaded there: events, kubernetes",)


async def test_what_the_probe_saw_of_components_is_told() -> None:
    report = {"loaded": ["orders"], "missing": [], "seen": ["1 components loaded", "orders keeps"]}
    said = await call("prove_components", proving(json.dumps(report)))
    assert said == "default: 1 components loaded, orders keeps"
