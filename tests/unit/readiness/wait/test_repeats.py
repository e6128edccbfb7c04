"""A crash that repeats itself is known at the third time, unless it may wait for something."""

from __future__ import annotations

import asyncio

import pytest

from skill_runner.objects import Object, Ref
from skill_runner.readiness.wait import Expected, WaitResult
from tests.support.waiting import World

BACKOFF = (10, 20, 40, 80, 160)  # seconds: the kubelet's, between an end and the next start
POD = Ref("v1", "Pod", "web-1-a", "default")


@pytest.fixture
def world() -> World:
    return World()


def down(end: int, reason: str = "Error") -> Object:
    code = 1 if reason == "Error" else 137
    terminated = {"exitCode": code, "reason": reason, "containerID": f"containerd://{end}"}
    container = {
        "name": "c",
        "ready": False,
        "restartCount": end - 1,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": terminated},
    }
    return {"phase": "Running", "containerStatuses": [container]}


async def crashed(
    world: World, *expected: Expected, logs: tuple[str, ...], reason: str = "Error"
) -> WaitResult:
    """The end of a wait while a container ends again and again; the last log stands for the rest,
    after an empty one it is up."""

    async def play() -> None:
        for end, pause in enumerate(BACKOFF, 1):
            text = logs[min(end, len(logs)) - 1]
            if not text:
                break
            world.cluster.set_logs("default", POD.name, "c", text)
            world.cluster.set_logs("default", POD.name, "c", text, previous=True)
            world.pod(POD.name, down(end, reason))
            await world.clock.sleep(pause + 1)
        ready: Object = {"name": "c", "ready": True, "restartCount": len(logs), "state": {}}
        condition = {"type": "Ready", "status": "True"}
        up = {"phase": "Running", "conditions": [condition], "containerStatuses": [ready]}
        world.pod(POD.name, up)
        world.available()

    playing = asyncio.create_task(play())
    try:
        return await world.wait(*expected)
    finally:
        playing.cancel()


async def test_the_third_of_the_same_is_the_last(world: World) -> None:
    expected = await world.deploy()
    logs = tuple(f"12:00:{n:02} worker-{n}af3c9d21 panic: no such option --fast" for n in range(5))
    result = await crashed(world, expected, logs=logs)
    assert result.problem is not None
    assert result.problem.code == "CRASH_LOOP"
    assert "no such option" in result.problem.cause
    assert result.seconds == pytest.approx(11 + 21, abs=2)


async def test_one_that_ends_in_another_way_each_time_keeps_its_budget(world: World) -> None:
    expected = await world.deploy()
    logs = ("error: step one", "error: step two", "error: step three", "error: step four")
    result = await crashed(world, expected, logs=logs)
    assert result.seconds == pytest.approx(120, abs=2)


@pytest.mark.parametrize(
    "said",
    [
        "dial tcp 10.0.0.7:5432: connect: connection refused",
        "Error: getaddrinfo ENOTFOUND db",
        'psycopg.OperationalError: could not translate host name "db": Name or service not known',
        "org.postgresql.util.PSQLException: FATAL: the database system is starting up",
        "redis.exceptions.ConnectionError: Timeout connecting to server",
        "ERROR: relation users does not exist",
        "waiting for migrations",
        "UNKNOWN_TOPIC_OR_PARTITION: Unknown topic or partition",
        'FATAL: password authentication failed for user "app"',
        "x509: certificate signed by unknown authority",
        "could not obtain lock on the state file",
    ],
)
async def test_one_that_waits_for_something_comes_up(world: World, said: str) -> None:
    expected = await world.deploy()
    result = await crashed(world, expected, logs=(said, said, said, ""))
    assert result.state == "ready", result.problem
    assert result.seconds > 70


async def test_one_that_ends_without_a_word_keeps_its_budget(world: World) -> None:
    expected = await world.deploy()
    result = await crashed(world, expected, logs=(" ",))
    assert result.seconds == pytest.approx(120, abs=2)


async def test_one_that_ends_while_another_still_comes_up(world: World) -> None:
    """It may read what a Job writes, and say only that something is wrong."""
    expected = await world.deploy()
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "namespace": "default"},
        "spec": {"template": {}},
    }
    applied = await world.cluster.apply(job)
    world.cluster.set_status(Ref.of(job), active=1, startTime="2026-01-01T00:00:00Z")

    async def migrated() -> None:
        await world.clock.sleep(60)
        done = {"type": "Complete", "status": "True"}
        world.cluster.set_status(Ref.of(job), conditions=[done], succeeded=1, active=0)

    said = "error: the schema is of version 3"
    task = asyncio.create_task(migrated())
    awaited = (expected, Expected.of(job, applied))
    result = await crashed(world, *awaited, logs=(said, said, said, ""))
    await task
    assert result.state == "ready", result.problem


async def test_an_init_container_that_fails_in_the_same_way(world: World) -> None:
    expected = await world.deploy()
    status = down(1)
    status["initContainerStatuses"] = status.pop("containerStatuses")

    async def play() -> None:
        for end, pause in enumerate(BACKOFF, 1):
            (container,) = down(end)["containerStatuses"]
            world.cluster.set_logs("default", POD.name, "c", "invalid flag --nope")
            world.cluster.set_logs("default", POD.name, "c", "invalid flag --nope", previous=True)
            world.pod(POD.name, {**status, "initContainerStatuses": [container]})
            await world.clock.sleep(pause + 1)

    playing = asyncio.create_task(play())
    result = await world.wait(expected)
    playing.cancel()
    assert result.problem is not None
    assert "invalid flag" in result.problem.cause
    assert result.seconds == pytest.approx(32, abs=2)


async def test_one_that_is_killed_for_its_memory_at_the_same_place(world: World) -> None:
    expected = await world.deploy()
    result = await crashed(world, expected, logs=("loading the model",), reason="OOMKilled")
    assert result.problem is not None
    assert result.problem.code == "OUT_OF_MEMORY"
    assert result.seconds == pytest.approx(32, abs=2)


async def test_a_liveness_probe_that_never_passes(world: World) -> None:
    expected = await world.deploy()
    told = "Liveness probe failed: HTTP probe failed with statuscode: 404"
    uid = world.pod(POD.name, down(1))["metadata"]["uid"]
    for reason, message in (
        ("Unhealthy", told),
        ("Killing", "Container c failed liveness probe, will be restarted"),
    ):
        about = {"kind": "Pod", "name": POD.name, "namespace": "default", "uid": uid}
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": reason.lower(), "namespace": "default"},
            "involvedObject": {**about, "fieldPath": "spec.containers{c}"},
            "reason": reason,
            "message": message,
            "lastTimestamp": "2026-01-01T00:00:00Z",
        }
        world.cluster.put(event)
    result = await crashed(world, expected, logs=("serving on :8080",))
    assert result.problem is not None
    assert result.problem.code == "PROBE_FAILING"
    assert "statuscode: 404" in result.problem.cause
    assert result.seconds == pytest.approx(32, abs=2)
