"""Webhooks are ready when the API can call them; what a dry run is made of."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from skill_runner.errors import ApiError, Forbidden
from skill_runner.objects import Object
from skill_runner.readiness.wait import Expected
from skill_runner.readiness.wait.specimen import smallest, specimen_of
from skill_runner.readiness.wait.webhooks import ask_webhooks
from tests.support.waiting import World

CONFIG: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "guard"},
    "webhooks": [
        {
            "name": "guard.example.org",
            "clientConfig": {"service": {"name": "guard", "namespace": "default"}},
            "objectSelector": {"matchLabels": {"guarded": "yes"}},
            "rules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["pods"],
                }
            ],
        }
    ],
}
UNREACHED = (
    'Internal error occurred: failed calling webhook "guard.example.org": failed to call webhook: '
    "x509: certificate signed by unknown authority"
)


async def test_a_configuration_is_ready_once_its_webhook_answers() -> None:
    world = World()
    applied = await world.cluster.apply(CONFIG)
    world.cluster.fail("create", ApiError(UNREACHED, status=500), times=4)
    result = await world.wait(Expected.of(CONFIG, applied))
    assert result.state == "ready"
    assert result.seconds == pytest.approx(4, abs=0.5)


async def test_a_webhook_that_never_answers_is_named() -> None:
    world = World()
    applied = await world.cluster.apply(CONFIG)
    world.cluster.fail("create", ApiError(UNREACHED, status=500), times=1000)
    result = await world.wait(Expected.of(CONFIG, applied))
    assert result.problem is not None
    assert result.problem.code == "WEBHOOK_UNAVAILABLE"
    assert result.problem.resource == "ValidatingWebhookConfiguration guard"
    assert "certificate signed by unknown authority" in result.problem.cause


@pytest.mark.parametrize(
    "answer",
    [
        ApiError('admission webhook "guard.example.org" denied the request: no', status=403),
        ApiError('failed calling webhook "another.example.org": refused', status=500),
        Forbidden('User "ci" cannot create resource "pods"'),
    ],
)
async def test_any_other_answer_is_no_fault_of_this_webhook(answer: Exception) -> None:
    world = World()
    world.cluster.fail("create", answer)
    assert await ask_webhooks(world.cluster, CONFIG) == ""


async def test_nothing_is_made_by_asking() -> None:
    world = World()
    assert await ask_webhooks(world.cluster, CONFIG) == ""
    await asyncio.sleep(0)
    assert world.cluster.writes == ()


async def test_an_ignored_webhook_is_not_asked() -> None:
    world = World()
    hooks = [{**CONFIG["webhooks"][0], "failurePolicy": "Ignore"}]
    world.cluster.fail("create", ApiError(UNREACHED, status=500))
    assert await ask_webhooks(world.cluster, {**CONFIG, "webhooks": hooks}) == ""


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {}),
        (
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
            {"a": "x"},
        ),
        ({"type": "string", "enum": ["one", "two"]}, "one"),
        ({"type": "string", "minLength": 3}, "xxx"),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "boolean"}, False),
        ({"type": "array", "minItems": 2, "items": {"type": "integer"}}, [1, 1]),
        ({"x-kubernetes-int-or-string": True}, 1),
        ({"type": "object", "default": {"b": 1}}, {"b": 1}),
    ],
)
def test_the_smallest_value_of_a_schema(schema: dict[str, Any], value: Any) -> None:
    assert smallest(schema) == value


def test_a_specimen_keeps_its_own_names() -> None:
    schema = {
        "type": "object",
        "required": ["kind", "spec"],
        "properties": {"kind": {"type": "string"}, "spec": {"type": "object"}},
    }
    made = specimen_of("example.org/v1", "Thing", "default", {"guarded": "yes"}, schema)
    assert made["kind"] == "Thing"
    assert made["spec"] == {}
    assert made["metadata"]["labels"] == {"guarded": "yes"}
