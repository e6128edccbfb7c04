"""The schemas of a service's events: read from its source, tried first, then registered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skill_runner.errors import Forbidden, HookFailed
from skill_runner.hooks.call import call_hook
from skill_runner.hooks.context import PodResult
from skill_runner.objects import Ref
from skill_runner.skill.library import default_library
from skill_runner.testing import MemoryCluster
from tests.support.contexts import Scripted, scripted
from tests.support.registry import Registry, played, running, violation

SKILL = default_library().find("fastapi-dapr-agent")
URL = "http://schema-registry.schema-registry.svc:8080/apis/ccompat/v7"
REQUIRES: dict[str, Any] = {
    "kafka": {"bootstrap_servers": "kafka-bootstrap.kafka.svc:9092"},
    "registry": {"url": URL},
}
SCHEMA = {"properties": {"id": {"type": "string"}}, "additionalProperties": False}
FILE = "events/orders.json"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "events").mkdir()
    (tmp_path / FILE).write_text(json.dumps(SCHEMA))
    return tmp_path


@pytest.fixture
def registry() -> Iterator[type[Registry]]:
    with played() as one:
        yield one


async def call(
    hook: str,
    source: Path,
    *answers: PodResult,
    cluster: MemoryCluster | None = None,
    events: dict[str, str] | None = None,
) -> Any:
    ctx = scripted(
        SKILL,
        *answers,
        cluster=cluster,
        requires=REQUIRES,
        image="registry.example.org/tutor:1",
        source=str(source),
        publish=["orders"],
        state="none",
        events=events or {"orders": FILE},
    )
    return await call_hook(SKILL, hook, ctx, timeout=10)


async def test_one_that_breaks_its_rule_is_refused_before_anything_is_touched(
    source: Path, registry: type[Registry]
) -> None:
    registry.subjects["orders-value"] = [json.dumps(SCHEMA)]
    await call("check_events", source, cluster=await running())
    registry.refuses["orders-value"] = violation(("Subschema type changed", "/properties/id"))
    with pytest.raises(HookFailed) as failed:
        await call("check_events", source, cluster=await running())
    assert failed.value.problem is not None
    assert failed.value.problem.resource == "Subject orders-value"
    assert failed.value.problem.cause == (
        "orders-value breaks BACKWARD: “id: Subschema type changed”"
    )


class Elsewhere(MemoryCluster):
    """Where the namespace of the registry may not be looked at."""

    async def get(self, ref: Ref) -> Any:
        raise Forbidden(f"{ref} may not be read")


@pytest.mark.parametrize("cluster", [MemoryCluster(), Elsewhere()], ids=["none yet", "forbidden"])
async def test_a_registry_that_cannot_be_asked_is_asked_by_the_step(
    source: Path, cluster: MemoryCluster
) -> None:
    await call("check_events", source, cluster=cluster)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ({"lessons": FILE}, "events names lessons, which neither"),
        ({"orders": "events/gone.json"}, "gone.json cannot be read: No such file"),
        ({"orders": "events/../../secret.json"}, "is not beneath the source"),
    ],
)
async def test_events_that_are_refused(source: Path, events: dict[str, str], words: str) -> None:
    with pytest.raises(HookFailed, match=words):
        await call("check_events", source, cluster=MemoryCluster(), events=events)


async def test_schemas_are_registered_from_a_pod_of_the_application(source: Path) -> None:
    said = await call("ensure_events", source, PodResult(0, "registered orders-value\n"))
    assert said == "registered orders-value"
    (asked,) = Scripted.asked
    assert asked["image"] == "registry.example.org/tutor:1"
    given = json.loads(asked["env"]["GIVEN"])
    assert given["url"] == URL
    assert given["schemas"] == {
        "orders-value": {"schemaType": "JSON", "schema": json.dumps(SCHEMA)}
    }


async def test_the_step_fails_with_the_registrys_words(source: Path) -> None:
    with pytest.raises(HookFailed, match=r"orders-value was refused \(409\)"):
        await call("ensure_events", source, PodResult(1, "orders-value was refused (409): …"))


async def test_a_source_on_another_machine_is_as_it_was(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    await call("check_events", gone, cluster=MemoryCluster())
    assert await call("ensure_events", gone, PodResult(0, "never asked")) == ""
    assert Scripted.asked == []
