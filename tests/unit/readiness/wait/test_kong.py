"""A gateway that refuses its configuration: seen by its counters, named by its events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from skill_runner.objects import Object, Ref
from skill_runner.progress import silent
from skill_runner.readiness.diagnosis import DEFAULT_POLICY
from skill_runner.readiness.wait import Expected, look_once, wait_ready
from skill_runner.readiness.wait.kong import Refused, refused_objects
from skill_runner.testing import FakeClock, MemoryCluster

POD = Ref("v1", "Pod", "kong-1", "kong")
LIMIT = Ref("configuration.konghq.com/v1", "KongPlugin", "limit", "lessons")
KEY = Ref("configuration.konghq.com/v1", "KongPlugin", "key", "lessons")
SAID = "invalid config.minute: expected a number"
QUOTED = f"“{SAID}”"
COUNT = 'ingress_controller_configuration_push_count{{dataplane="x",success="{}"}} {}\n'


def definition(kind: str) -> Object:
    plural = f"{kind.lower()}s"
    version = {"name": "v1", "served": True, "storage": True, "schema": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.configuration.konghq.com"},
        "spec": {
            "group": "configuration.konghq.com",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }


def an_object(ref: Ref, **more: Any) -> Object:
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        **more,
    }


def event(about: Ref, message: str, at: str = "2026-01-01T00:00:00Z") -> Object:
    involved = {
        "apiVersion": about.api_version,
        "kind": about.kind,
        "name": about.name,
        "namespace": about.namespace,
    }
    where = {"name": f"{about.name}.{abs(hash((about, message))):x}", "namespace": about.namespace}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": where,
        "involvedObject": involved,
        "reason": "KongConfigurationApplyFailed",
        "message": message,
        "type": "Warning",
        "lastTimestamp": at,
        "count": 1,
    }


def metrics_of(numbers: Iterator[int]) -> Callable[..., Any]:
    """A controller's metrics: so many refusals at each question."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = COUNT.format("true", 7) + COUNT.format("false", next(numbers))
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()
        writer.close()

    return answer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def cluster(clock: FakeClock) -> MemoryCluster:
    """One bad plugin, that the controller's events name."""
    made = MemoryCluster(clock)
    made.put(definition("KongPlugin"))
    for space in ("kong", "lessons"):
        made.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    made.put(an_object(POD))
    made.put(an_object(LIMIT))
    made.put(event(POD, "failed to apply Kong configuration to https://localhost:8444"))
    made.put(event(LIMIT, SAID))
    return made


def growing() -> Iterator[int]:
    yield from range(3, 10_000)


def constant(number: int) -> Iterator[int]:
    while True:
        yield number


async def test_what_is_refused_now_is_named(cluster: MemoryCluster, clock: FakeClock) -> None:
    cluster.on_connect("kong", "kong-1", 10255, metrics_of(growing()))
    assert await refused_objects(cluster, clock) == (Refused(LIMIT, QUOTED),)


async def test_old_events_are_nothing_once_the_counter_stands(
    cluster: MemoryCluster, clock: FakeClock
) -> None:
    """As after the bad object was corrected: it is there, and its event too."""
    cluster.on_connect("kong", "kong-1", 10255, metrics_of(constant(13)))
    assert await refused_objects(cluster, clock) == ()


async def test_a_controller_that_started_anew_has_refused_nothing(
    cluster: MemoryCluster, clock: FakeClock
) -> None:
    cluster.on_connect("kong", "kong-1", 10255, metrics_of(constant(0)))
    assert await refused_objects(cluster, clock) == ()
    assert clock.monotonic() == 0


async def test_the_newest_is_named_first_and_what_is_gone_not_at_all(
    cluster: MemoryCluster, clock: FakeClock
) -> None:
    cluster.on_connect("kong", "kong-1", 10255, metrics_of(growing()))
    cluster.put(an_object(KEY))
    cluster.put(event(KEY, "invalid config.names: unknown field", at="2026-01-01T00:05:00Z"))
    gone = Ref(LIMIT.api_version, "KongPlugin", "gone", "lessons")
    cluster.put(event(gone, SAID, at="2026-01-01T00:09:00Z"))
    assert [r.ref for r in await refused_objects(cluster, clock)] == [KEY, LIMIT]


async def test_a_refusal_that_names_no_object_is_its_controllers(
    cluster: MemoryCluster, clock: FakeClock
) -> None:
    cluster.on_connect("kong", "kong-1", 10255, metrics_of(growing()))
    await cluster.delete(LIMIT)
    (found,) = await refused_objects(cluster, clock)
    assert found.ref == POD
    assert "names no object" in found.message


async def test_a_cluster_without_such_events_is_asked_nothing_more(clock: FakeClock) -> None:
    assert await refused_objects(MemoryCluster(clock), clock) == ()


ROUTE = Ref("networking.k8s.io/v1", "Ingress", "lessons", "lessons")


async def test_an_ingress_that_waits_for_it_fails_by_the_cause(
    cluster: MemoryCluster, clock: FakeClock
) -> None:
    cluster.on_connect("kong", "kong-1", 10255, metrics_of(growing()))
    applied = await cluster.apply(an_object(ROUTE, spec={"ingressClassName": "kong"}))
    expected = Expected.of(an_object(ROUTE), applied)
    seen = await look_once(cluster, clock, [expected], policy=DEFAULT_POLICY)
    assert seen.problem is not None
    assert (seen.problem.code, seen.problem.resource) == ("GATEWAY_CONFIG_REJECTED", str(LIMIT))
    assert seen.problem.cause == (
        f"the gateway refuses its whole configuration because of {LIMIT}: {QUOTED}"
    )


async def test_an_ingress_without_an_address_is_ready_where_nothing_is_refused(
    cluster: MemoryCluster, clock: FakeClock
) -> None:
    """A load balancer may never give one."""
    cluster.on_connect("kong", "kong-1", 10255, metrics_of(constant(0)))
    applied = await cluster.apply(an_object(ROUTE, spec={"ingressClassName": "kong"}))
    expected = Expected.of(an_object(ROUTE), applied)
    seen = await look_once(cluster, clock, [expected], policy=DEFAULT_POLICY)
    assert seen.state == "ready"


async def test_a_wait_ends_with_it_within_its_budget(
    cluster: MemoryCluster, clock: FakeClock
) -> None:
    cluster.on_connect("kong", "kong-1", 10255, metrics_of(growing()))
    cluster.put(definition("KongConsumer"))
    consumer = Ref(LIMIT.api_version, "KongConsumer", "learner", "lessons")
    applied = await cluster.apply(an_object(consumer))
    pending = {"type": "Programmed", "status": "Unknown", "reason": "Pending"}
    cluster.set_status(consumer, conditions=[pending])
    seen = await wait_ready(
        cluster,
        clock,
        [Expected.of(an_object(consumer), applied)],
        rules=(),
        timeout=600,
        stability=0,
        policy=DEFAULT_POLICY,
        report=silent,
    )
    assert seen.problem is not None
    assert seen.problem.code == "GATEWAY_CONFIG_REJECTED"
    assert seen.seconds < 45
