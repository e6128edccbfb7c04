"""What a hook is told of the sidecars of its pods, by their own words."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from skill_runner.hooks.context import Context, GiveUp, PodResult, RetryLater
from skill_runner.hooks.dapr import check_sidecars, run_with_sidecar
from skill_runner.objects import Object
from skill_runner.plan import Installation
from skill_runner.progress import silent
from skill_runner.testing import FakeClock, MemoryCluster, MemoryHelm
from tests.unit.readiness.wait.test_sidecars import DAPRD, component, definition, metadata_of

FATAL = (
    'level=fatal msg="Fatal error from runtime: process component events error: '
    "[INIT_COMPONENT_FAILURE]: initialization error occurred for events (pubsub.kafka/v1): "
    "[INIT_COMPONENT_FAILURE]: initialization error occurred for events (pubsub.kafka/v1): "
    'dial tcp: lookup kafka.nowhere: no such host" app_id=web scope=dapr.runtime'
)


def context(cluster: MemoryCluster) -> Context:
    return Context(
        installation=Installation("default", "web"),
        inputs={},
        outputs={},
        images={},
        cluster=cluster,
        helm=MemoryHelm(cluster),
        clock=FakeClock(),
        report=silent,
        requires={},
    )


def pod(*, sidecar: bool = True, asks: str = "true", daprd: Any = None) -> Object:
    """A pod whose application is ready; `daprd` is the status of its sidecar."""
    statuses = [{"name": "c", "ready": True, "state": {"running": {}}}]
    if sidecar:
        statuses.append(daprd or {"name": "daprd", "ready": True, "state": {"running": {}}})
    ready = all(status["ready"] for status in statuses)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web-1",
            "namespace": "default",
            "labels": {"app": "web"},
            "annotations": {"dapr.io/enabled": asks},
        },
        "spec": {
            "containers": [{"name": "c", "image": "example.org/c:1"}, *([DAPRD] if sidecar else [])]
        },
        "status": {
            "phase": "Running",
            "containerStatuses": statuses,
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


async def check(*objects: Object, loaded: tuple[str, ...] = (), **asked: Any) -> str:
    cluster = MemoryCluster()
    cluster.put(definition())
    for obj in objects:
        cluster.put(obj)
    cluster.on_connect("default", "web-1", 3599, metadata_of(*loaded))
    cluster.set_logs("default", "web-1", "daprd", FATAL, previous=True)
    return await check_sidecars(context(cluster), "app=web", **asked)


async def test_everything_is_there() -> None:
    said = await check(pod(), component("state"), loaded=("events", "state"), components=["events"])
    assert said == "1 sidecar with events, state"


@pytest.mark.parametrize(
    ("objects", "loaded", "code", "words"),
    [
        ([pod(sidecar=False)], (), "SIDECAR_MISSING", "1 pod asks for a Dapr sidecar"),
        ([pod()], ("state",), "COMPONENT_NOT_LOADED", "component events is not loaded"),
        ([pod(), component("state")], ("events",), "COMPONENT_NOT_LOADED", "state is not loaded"),
        (
            [
                pod(
                    daprd={
                        "name": "daprd",
                        "ready": False,
                        "restartCount": 2,
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        "lastState": {"terminated": {"exitCode": 1}},
                    }
                )
            ],
            (),
            "COMPONENT_FAILED",
            "component events (pubsub.kafka/v1) fails",
        ),
        ([pod(sidecar=False, asks="false")], (), None, "does not ask for a Dapr sidecar"),
    ],
)
async def test_what_is_wrong_is_named(
    objects: list[Object], loaded: tuple[str, ...], code: str | None, words: str
) -> None:
    with pytest.raises(GiveUp, match=re.escape(words)) as refused:
        await check(*objects, loaded=loaded, components=["events"])
    assert refused.value.code == code
    assert refused.value.resource.endswith(
        "default/events"
        if words.startswith("component events is")
        else "default/state"
        if "state" in words
        else "container daprd"
        if code == "COMPONENT_FAILED"
        else "default/web-1"
    )
    assert refused.value.hint


async def test_what_may_still_come_is_waited_for() -> None:
    with pytest.raises(RetryLater, match="no pod with app=web yet"):
        await check()
    starting = {"name": "daprd", "ready": False, "state": {"running": {}}}
    with pytest.raises(RetryLater, match="daprd runs, not ready"):
        await check(pod(daprd=starting))
    with pytest.raises(RetryLater, match="not subscribed to orders"):
        await check(pod(), topics=["orders"])


class Beside(Context):
    """A Context whose pod of its own is there, and does not end."""

    __slots__ = ()

    async def run_pod(self, **asked: Any) -> PodResult:
        assert asked["by_job"], "Dapr's injector leaves the pods of people alone"
        assert asked["annotations"]["dapr.io/app-id"] == "probe"
        assert asked["labels"] == {"skill-runner.dev/mark": "n-1"}
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (pod(sidecar=False), "SIDECAR_MISSING"),
        (
            pod(daprd={"name": "daprd", "ready": False, "state": {"terminated": {"exitCode": 1}}}),
            "COMPONENT_FAILED",
        ),
    ],
)
async def test_a_command_whose_sidecar_fails_is_called_off(found: Object, code: str) -> None:
    cluster = MemoryCluster()
    cluster.put(
        {**found, "metadata": {**found["metadata"], "labels": {"skill-runner.dev/mark": "n-1"}}}
    )
    cluster.set_logs("default", "web-1", "daprd", FATAL)
    given = context(cluster)
    beside = Beside(**{name: getattr(given, name) for name in given.__dataclass_fields__})
    with pytest.raises(GiveUp) as failed:
        await run_with_sidecar(
            beside, app_id="probe", mark="n-1", image="a", command=["true"], env={}
        )
    assert failed.value.code == code
