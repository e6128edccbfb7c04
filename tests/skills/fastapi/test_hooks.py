"""fastapi-dapr-agent without a cluster: what it requires and refuses, and what its proof asks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skill_runner.errors import HookFailed
from skill_runner.hooks.call import call_hook
from skill_runner.hooks.context import Context, PodResult
from skill_runner.objects import Ref
from skill_runner.plan import (
    ImageChoice,
    Installation,
    PlannedApply,
    PlannedRelease,
    make_plan,
    wanted_requirements,
)
from skill_runner.plan.inputs import resolve_values
from skill_runner.skill.library import default_library
from skill_runner.testing import MemoryCluster
from tests.support.contexts import Scripted, scripted

SKILL = default_library().find("fastapi-dapr-agent")
REQUIRES: dict[str, Any] = {
    "kafka": {"bootstrap_servers": "kafka-bootstrap.kafka.svc:9092"},
    "postgres": {"uri": {"secretKeyRef": {"namespace": "db", "name": "db-app", "key": "uri"}}},
}
PROBE = {"data": {"learner": "{id}"}, "key": "learner-{id}", "fails": {}}
IMAGE = "registry.example.org/tutor:1"


def context(*answers: PodResult, cluster: MemoryCluster | None = None, **inputs: Any) -> Scripted:
    return scripted(SKILL, *answers, cluster=cluster, requires=REQUIRES, image=IMAGE, **inputs)


async def call(hook: str, ctx: Context) -> Any:
    return await call_hook(SKILL, hook, ctx, timeout=5)


def required(**inputs: Any) -> dict[str, Any]:
    values = resolve_values(SKILL, inputs)
    wanted = wanted_requirements(SKILL, Installation("apps", "tutor"), values)
    return {each.alias: each.inputs for each in wanted}


def test_it_requires_what_its_inputs_need() -> None:
    assert required(state="none") == {"dapr": {}}
    assert required(state="redis") == {"dapr": {}, "redis": {"clients": ["apps"]}}
    assert required(subscribe=["a", "b"], publish=["b", "c"], namespace="learn") == {
        "dapr": {},
        "kafka": {"clients": ["learn"], "topics": ["a", "b", "c", "tutor.dead"]},
        "postgres": {"clients": ["learn"]},
    }
    assert required(publish=["c"], state="none")["kafka"] == {"clients": ["apps"], "topics": ["c"]}
    with_events = required(publish=["c"], state="none", events={"c": "c.json"})
    assert with_events["registry"] == {"clients": ["apps"]}
    named = required(subscribe=["a"], app_id="other", state="none")
    assert named["kafka"] == {"clients": ["apps"], "topics": ["a", "other.dead"]}


def planned(**inputs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The applied objects by kind and name, and the values of the release."""
    values = resolve_values(SKILL, inputs)
    image = ImageChoice(name="app", ref=IMAGE, source="pull", official="")
    plan = make_plan(SKILL, Installation("apps", "tutor"), values, {"app": image}, REQUIRES)
    (release,) = (step for step in plan.steps if isinstance(step, PlannedRelease))
    applied = [m for step in plan.steps if isinstance(step, PlannedApply) for m in step.manifests]
    objects = {f"{m['kind']} {m['metadata']['name']}": m for m in applied}
    return objects, dict(release.values)


def test_the_sidecar_shows_a_token_that_only_the_application_knows() -> None:
    objects, values = planned(state="none", secrets={"KEY": {"secret": "api", "key": "token"}})
    assert "data" not in objects["Secret tutor-app-token"]
    assert values["dapr"]["annotations"]["app-token-secret"] == "tutor-app-token"
    assert values["secrets"] == {
        "KEY": {"secret": "api", "key": "token"},
        "APP_API_TOKEN": {"secret": "tutor-app-token", "key": "token"},
    }


def test_each_topic_has_its_subscription_with_a_dead_letter_topic() -> None:
    objects, _ = planned(subscribe=["orders", "Bills.new"], routes={"Bills.new": "/bills"})
    assert [objects[f"Subscription tutor-{n}"]["spec"] for n in (1, 2)] == [
        {
            "pubsubname": "tutor-pubsub",
            "topic": topic,
            "routes": {"default": route},
            "deadLetterTopic": "tutor.dead",
        }
        for topic, route in (("orders", "/events"), ("Bills.new", "/bills"))
    ]
    assert objects["Subscription tutor-1"]["scopes"] == ["tutor"]
    assert not any("Subscription" in n for n in planned(publish=["orders"])[0])
    by_itself, _ = planned(subscribe=["orders"], subscription="programmatic")
    assert not any("Subscription" in name for name in by_itself)


def test_nobody_else_has_its_components() -> None:
    objects, _ = planned(subscribe=["orders"])
    for name in ("Component tutor-pubsub", "Component tutor-state"):
        assert objects[name]["scopes"] == ["tutor", "tutor-probe"]
    state = {each["name"]: each for each in objects["Component tutor-state"]["spec"]["metadata"]}
    assert state["connectionString"]["secretKeyRef"] == {"name": "db-app", "key": "uri"}
    assert state["keyPrefix"]["value"] == "tutor"


def test_what_a_sidecar_reads_at_its_start_makes_new_pods() -> None:
    first = planned(subscribe=["orders"])[1]
    for more in ({"retries": 9}, {"dead_letter": "x"}, {"routes": {"orders": "/o"}}):
        assert planned(subscribe=["orders"], **more)[1]["podAnnotations"] != first["podAnnotations"]
    assert planned(subscribe=["orders"], replicas=3)[1]["podAnnotations"] == first["podAnnotations"]
    assert first["env"] == {
        "APP_ID": "tutor",
        "PUBSUB_NAME": "tutor-pubsub",
        "STATE_STORE": "tutor-state",
        "DEAD_LETTER": "tutor.dead",
    }
    given = planned(subscribe=["orders"], env={"PUBSUB_NAME": "mine", "A": "b"})[1]["env"]
    assert (given["PUBSUB_NAME"], given["A"]) == ("mine", "b")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"routes": {"a": "/a"}}, "routes names a, which `subscribe` does not"),
        ({"subscribe": ["a"], "dead_letter": "a"}, "both subscribed to and the dead-letter topic"),
        ({"subscribe": ["a"], "probe": {"topic": "b"}}, "`subscribe` does not name"),
        ({"subscribe": ["a"], "probe": {"data": {"x": "{id}"}}}, "belong together"),
        ({"env": {"APP_API_TOKEN": "mine"}}, "APP_API_TOKEN is set by this skill"),
        ({"subscribe": ["a"], "probe": {**PROBE, "data": {"x": 1}}}, "has no {id}"),
    ],
)
async def test_what_contradicts_itself_is_refused(inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(HookFailed) as caught:
        await call("check", context(**inputs))
    assert words in str(caught.value)


async def test_the_token_of_the_sidecar_is_generated_once() -> None:
    cluster = MemoryCluster()
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})
    ctx = context(cluster=cluster)
    secret = Ref("v1", "Secret", f"{ctx.installation.name}-app-token", "apps")
    await cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": secret.name, "namespace": "apps"},
        }
    )
    assert await call("fill_app_token", ctx) == "generated the token of the sidecar"
    first = (await cluster.get(secret))["data"]["token"]
    assert await call("fill_app_token", ctx) == ""
    assert (await cluster.get(secret))["data"]["token"] == first


async def test_credentials_that_are_not_there_are_named_with_who_brings_them() -> None:
    cluster = MemoryCluster()
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})
    ctx = context(cluster=cluster)
    with pytest.raises(HookFailed) as caught:
        await call("check_credentials", ctx)
    assert caught.value.problem is not None
    assert caught.value.problem.code == "CONFIG_MISSING"
    assert caught.value.problem.resource == "Secret apps/db-app"
    assert "skill run postgres-k8s-setup" in (caught.value.hint or "")
    await cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "db-app", "namespace": "apps"},
            "data": {"uri": "cA=="},
        }
    )
    await call("check_credentials", ctx)


def given() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Scripted.asked[-1]["env"]["GIVEN"])
    return found


async def test_the_proof_asks_for_all_that_it_may() -> None:
    said = PodResult(0, "noise\nall of it\n")
    ctx = context(said, subscribe=["a", "b"], probe={**PROBE, "topic": "b", "call": "/lessons"})
    assert await call("prove_service", ctx) == "all of it"
    asked = given()
    assert (asked["topic"], asked["call"], asked["health"]) == ("b", "/lessons", "/healthz")
    assert (asked["data"], asked["key"], asked["fails"]) == (PROBE["data"], PROBE["key"], {})
    assert asked["dead_letter"] == "fastapi-dapr-agent.dead"
    assert asked["skipped"] == []
    annotations = Scripted.asked[-1]["annotations"]
    assert annotations["dapr.io/app-id"] == "fastapi-dapr-agent-probe"


async def test_what_is_not_proven_is_said() -> None:
    ctx = context(PodResult(0, "ok"), subscribe=["a"])
    await call("prove_service", ctx)
    asked = given()
    assert not {"data", "key", "fails"} & set(asked)
    assert len(asked["skipped"]) == 2
    await call("prove_service", context(PodResult(0, "ok"), state="none"))
    assert given()["skipped"] == []


async def test_what_the_probe_said_last_is_the_cause() -> None:
    ctx = context(PodResult(1, "one\nGET /healthz: 503 no\n"))
    with pytest.raises(HookFailed) as caught:
        await call("prove_service", ctx)
    assert (
        caught.value.message == "hook prove_service: the probe failed: “GET /healthz: 503 no”\none"
    )


async def test_a_drill_without_a_known_effect_is_skipped() -> None:
    assert "skipped" in await call("kill_amid_events", context(subscribe=["a"]))
