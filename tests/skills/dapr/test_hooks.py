"""The hooks of Dapr without a cluster: what they refuse, name and fix."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.backends.base import ReleaseSpec
from skill_runner.errors import HookFailed
from skill_runner.hooks.call import call_hook
from skill_runner.hooks.context import Context, PodResult
from skill_runner.objects import Object, Ref
from skill_runner.plan import ImageChoice, Installation, Plan, PlannedRelease, make_plan
from skill_runner.plan.inputs import resolve_values
from skill_runner.progress import silent
from skill_runner.skill.library import default_library
from skill_runner.testing import FakeClock, MemoryCluster, MemoryHelm
from tests.support.contexts import scripted

SKILL = default_library().find("dapr-k8s-setup")
STATE = {"name": "orders", "namespace": "default", "type": "state.postgresql"}


async def call(hook: str, ctx: Context) -> Any:
    return await call_hook(SKILL, hook, ctx, timeout=30)


def pod(name: str, *, owner: str = "", containers: tuple[str, ...] = ("app",)) -> Object:
    """A pod that asks for a sidecar."""
    owners = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": "1"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "annotations": {"dapr.io/enabled": "true"},
            "ownerReferences": owners if owner else [],
        },
        "spec": {"containers": [{"name": c, "image": "example.org/a:1"} for c in containers]},
        "status": {"phase": "Running"},
    }


async def names(cluster: MemoryCluster) -> list[str]:
    return [o["metadata"]["name"] for o in (await cluster.list("v1", "Pod")).items]


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
    inputs = {"resources": resources} if resources else {}
    plan = planned(**inputs)
    (release,) = (step for step in plan.steps if isinstance(step, PlannedRelease))
    made = release.values["dapr_operator"]["resources"]
    assert (made["requests"]["cpu"], made["requests"]["memory"]) == request_
    assert release.values["dapr_scheduler"]["resources"]["requests"]["cpu"] == request_[0]


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
        await call("check", ctx)
        return
    with pytest.raises(HookFailed, match=words) as refused:
        await call("check", ctx)
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
    await call("check", await checking(plan))


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
        ({"mode": "bundled", "chart": "/srv/dapr"}, False, "", "mode is bundled"),
        ({}, False, "dapr-bundled", "was installed by the bundled chart"),
        ({}, True, "dapr", "was installed by the official chart"),
    ],
)
async def test_what_cannot_be_had_or_would_break_what_is_there_is_refused(
    inputs: dict[str, Any], built: bool, there: str, words: str
) -> None:
    with pytest.raises(HookFailed, match=words):
        await call("check", await checking(planned(built, **inputs), there=there))


@pytest.mark.parametrize(
    ("built", "there"), [(False, "dapr"), (True, "dapr-bundled")], ids=["official", "bundled"]
)
async def test_what_was_installed_so_is_run_again(built: bool, there: str) -> None:
    await call("check", await checking(planned(built), there=there))


@pytest.mark.parametrize("owner", ["dapr-system", "elsewhere"])
async def test_one_control_plane_is_enough(owner: str) -> None:
    cluster = MemoryCluster()
    cluster.put(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {
                "name": "dapr-sidecar-injector",
                "annotations": {"meta.helm.sh/release-namespace": owner},
            },
            "webhooks": [],
        }
    )
    ctx = scripted(SKILL, cluster=cluster)
    if owner == "dapr-system":
        await call("check", ctx)
        return
    with pytest.raises(HookFailed, match="Dapr is in this cluster already, in namespace elsewhere"):
        await call("check", ctx)


async def test_pods_without_their_sidecar_are_named_and_made_again() -> None:
    cluster = MemoryCluster()
    for made in (
        pod("bare", owner="web"),
        pod("whole", owner="web", containers=("app", "daprd")),
    ):
        cluster.put(made)
    ctx = scripted(SKILL, cluster=cluster)
    with pytest.raises(HookFailed, match="1 pod asks") as named:
        await call("find_missing_sidecars", ctx)
    assert named.value.problem is not None
    assert (named.value.problem.code, named.value.problem.resource) == (
        "SIDECAR_MISSING",
        "Pod default/bare",
    )
    assert await call("fix_sidecars", ctx) == "1 pods made again, which had no sidecar"
    assert await names(cluster) == ["whole"]
    assert await call("find_missing_sidecars", ctx) == "1 pods with a sidecar"
    assert await call("fix_sidecars", ctx) == ""


async def test_a_pod_that_nobody_would_make_again_is_left() -> None:
    cluster = MemoryCluster()
    cluster.put(pod("alone"))
    with pytest.raises(HookFailed, match="1 pod asks"):
        await call("fix_sidecars", scripted(SKILL, cluster=cluster))
    assert await names(cluster) == ["alone"]


async def test_a_component_that_the_probe_misses_is_named() -> None:
    said = "some words\nnot loaded: orders, cache (loaded: events, kubernetes)\n"
    ctx = scripted(SKILL, PodResult(1, said), components=[STATE])
    with pytest.raises(HookFailed, match="components orders, cache are not loaded") as failed:
        await call("probe_components", ctx)
    problem = failed.value.problem
    assert problem is not None
    assert (problem.code, problem.resource) == ("COMPONENT_NOT_LOADED", "Component default/orders")
    assert problem.evidence == ("loaded there: events, kubernetes",)


async def test_the_webhook_waits_for_endpoints_and_its_authority() -> None:
    cluster = MemoryCluster()
    ctx = scripted(SKILL, cluster=cluster)
    with pytest.raises(HookFailed, match="no endpoint"):
        await call_hook(SKILL, "await_injector", ctx, timeout=1)
    await cluster.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dapr-system"}}
    )
    cluster.put(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "addressType": "IPv4",
            "metadata": {
                "name": "a",
                "namespace": "dapr-system",
                "labels": {"kubernetes.io/service-name": "dapr-sidecar-injector"},
            },
            "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}],
        }
    )
    hook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "dapr-sidecar-injector"},
        "webhooks": [{"name": "sidecar-injector.dapr.io", "clientConfig": {}}],
    }
    cluster.put(hook)
    with pytest.raises(HookFailed, match="CA bundle"):
        await call_hook(SKILL, "await_injector", ctx, timeout=1)
    ref = Ref.of(hook)
    await cluster.delete(ref)
    hook["webhooks"][0]["clientConfig"] = {"caBundle": "AAAA"}  # type: ignore[index]
    cluster.put(hook)
    assert await call("await_injector", ctx) == "1 endpoints"
