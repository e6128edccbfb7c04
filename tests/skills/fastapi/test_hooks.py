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
    Plan,
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
        "kafka": {"clients": ["learn"], "topics": ["a", "b", "c", "learn.tutor.dead"]},
        "postgres": {"clients": ["learn"]},
    }
    assert required(publish=["c"], state="none")["kafka"] == {"clients": ["apps"], "topics": ["c"]}
    with_events = required(publish=["c"], state="none", events={"c": "c.json"})
    assert with_events["registry"] == {"clients": ["apps"]}
    named = required(subscribe=["a"], app_id="other", state="none")
    assert named["kafka"] == {"clients": ["apps"], "topics": ["a", "apps.other.dead"]}


def plan_of(**inputs: Any) -> Plan:
    values = resolve_values(SKILL, inputs)
    image = ImageChoice(name="app", ref=IMAGE, source="pull", official="")
    where = Installation(str(values["namespace"]), "tutor")
    return make_plan(SKILL, where, values, {"app": image}, REQUIRES)


def planned(**inputs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The applied objects by kind and name, and the values of the release."""
    plan = plan_of(**inputs)
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
            "deadLetterTopic": "apps.tutor.dead",
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
    assert state["keyPrefix"]["value"] == "apps.tutor"
    assert state["maxConns"]["value"] == "4", "and not as many as the node has cores"


def test_the_same_name_in_another_namespace_shares_nothing() -> None:
    """Staging beside production, on one broker and one database."""

    def shared(namespace: str) -> set[str]:
        objects, values = planned(namespace=namespace, subscribe=["orders"])
        state = {e["name"]: e for e in objects["Component tutor-state"]["spec"]["metadata"]}
        group = objects["Component tutor-pubsub"]["spec"]["metadata"]
        assert {"name": "consumerID", "value": f"{namespace}.{{appID}}"} in group
        dead = objects["Subscription tutor-1"]["spec"]["deadLetterTopic"]
        assert values["env"]["DEAD_LETTER"] == dead
        return {state["keyPrefix"]["value"], dead, values["env"]["CONSUMER_GROUP"]}

    assert shared("staging") == {"staging.tutor", "staging.tutor.dead"}
    assert not shared("staging") & shared("production")


def test_a_failed_event_is_tried_for_minutes_and_no_handler_holds_it_for_ever() -> None:
    objects, _ = planned(subscribe=["orders"])
    spec = objects["Resiliency tutor-pubsub"]["spec"]
    assert spec["targets"]["components"]["tutor-pubsub"]["inbound"] == {
        "timeout": "events",
        "retry": "events",
    }
    assert spec["policies"]["timeouts"] == {"events": "60s"}
    retry = spec["policies"]["retries"]["events"]
    assert (retry["policy"], retry["maxInterval"]) == ("exponential", "15s")
    waits = [min(0.5 * 1.5**n, 15) for n in range(retry["maxRetries"])]
    assert sum(waits) > 5 * 60, "longer than brokers and databases take to restart"


def test_what_a_sidecar_reads_at_its_start_makes_new_pods() -> None:
    first = planned(subscribe=["orders"])[1]
    for more in ({"retries": 9}, {"dead_letter": "x"}, {"routes": {"orders": "/o"}}):
        assert planned(subscribe=["orders"], **more)[1]["podAnnotations"] != first["podAnnotations"]
    assert planned(subscribe=["orders"], replicas=3)[1]["podAnnotations"] == first["podAnnotations"]
    assert first["env"] == {
        "APP_ID": "tutor",
        "CONSUMER_GROUP": "apps.tutor",
        "PUBSUB_NAME": "tutor-pubsub",
        "STATE_STORE": "tutor-state",
        "DEAD_LETTER": "apps.tutor.dead",
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
def test_what_contradicts_itself_is_refused(inputs: dict[str, Any], words: str) -> None:
    (refused,) = (each.refuse for each in plan_of(**inputs).checks if each.refuse)
    assert words in refused


def test_what_fits_together_is_not_refused() -> None:
    probe = {**PROBE, "topic": "b"}
    plan = plan_of(subscribe=["a", "b"], routes={"b": "/b"}, probe=probe, env={"A": "b"})
    assert not [each.refuse for each in plan.checks if each.refuse]


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
    assert await call("ensure_app_token", ctx) == f"generated token of Secret {secret.name}"
    first = (await cluster.get(secret))["data"]["token"]
    assert await call("ensure_app_token", ctx) == ""
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


async def test_the_proof_is_given_what_it_may_do() -> None:
    said = PodResult(0, "noise\nall of it\n")
    probe = {**PROBE, "topic": "b", "call": "/lessons"}
    ctx = context(said, subscribe=["a", "b"], probe=probe, env={"KEY": "not its business"})
    assert await call("prove_service", ctx) == "all of it"
    asked = given()
    assert (asked["subscribe"], asked["probe"], asked["health"]) == (["a", "b"], probe, "/healthz")
    assert (asked["namespace"], asked["app_id"]) == ("apps", "fastapi-dapr-agent")
    assert asked["dead_letter"] == "apps.fastapi-dapr-agent.dead"
    assert "env" not in asked
    pod = Scripted.asked[-1]
    assert pod["annotations"]["dapr.io/app-id"] == "fastapi-dapr-agent-probe"
    assert pod["alone"], "two at once would take each other's dead letters"


async def test_a_proof_that_found_the_service_at_work_is_tried_again() -> None:
    ctx = context(PodResult(3, "no entry: events before it are being handled"), PodResult(0, "ok"))
    assert await call("prove_service", ctx) == "ok"
    assert len(Scripted.asked) == 2


async def test_what_the_probe_said_last_is_the_cause() -> None:
    ctx = context(PodResult(1, "one\nGET /healthz: 503 no\n"))
    with pytest.raises(HookFailed) as caught:
        await call("prove_service", ctx)
    assert caught.value.message == "hook prove_service: GET /healthz: 503 no\none"


async def test_a_drill_without_a_known_effect_is_skipped() -> None:
    assert "skipped" in await call("drill_pod_loss", context(subscribe=["a"]))
