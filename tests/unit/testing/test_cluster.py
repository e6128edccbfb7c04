"""What a test can make a MemoryCluster do beyond the contract."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from skill_runner.backends.base import ExecResult, Right, WatchEvent
from skill_runner.errors import ApiError, Forbidden, Gone, NotFound
from skill_runner.objects import Object, Ref
from skill_runner.testing import ExecCall, FakeClock, MemoryCluster, Request
from tests.contract.objects import config_map, deployment, following

SETTINGS = Ref("v1", "ConfigMap", "settings", "default")


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster(FakeClock())


async def test_faults_come_when_they_were_announced(cluster: MemoryCluster) -> None:
    cluster.fail("get", ApiError("busy", status=503), kind="ConfigMap", times=2)
    await cluster.apply(config_map("default"))
    for _ in range(2):
        with pytest.raises(ApiError, match="busy"):
            await cluster.get(SETTINGS)
    await cluster.get(SETTINGS)
    cluster.fail("*", ApiError("down"), times=100)
    with pytest.raises(ApiError, match="down"):
        await cluster.version()
    cluster.heal()
    await cluster.version()


async def test_what_is_denied_is_forbidden(cluster: MemoryCluster) -> None:
    cluster.deny("create", "ConfigMap")
    right = Right("create", "", "configmaps", "default")
    assert await cluster.denied([right, Right("get", "", "configmaps", "default")]) == (right,)
    with pytest.raises(Forbidden, match="configmaps is forbidden"):
        await cluster.create(config_map("default"))


async def test_requests_and_writes_are_counted(cluster: MemoryCluster) -> None:
    await cluster.apply(config_map("default"), dry_run=True)
    await cluster.apply(config_map("default"))
    await cluster.get(SETTINGS)
    assert [request.verb for request in cluster.requests] == ["apply", "apply", "get"]
    assert cluster.writes == (Request("apply", "ConfigMap", "settings", "default"),)


async def test_controllers_hear_of_changes_of_the_spec_only(cluster: MemoryCluster) -> None:
    heard: list[int] = []
    cluster.on_apply("Deployment", lambda _, obj: heard.append(obj["metadata"]["generation"]))
    ref = Ref.of(await cluster.apply(deployment("default")))
    await cluster.apply(deployment("default"))
    cluster.set_status(ref, replicas=1)
    await cluster.apply(deployment("default", image="app:2"), dry_run=True)
    await cluster.apply(deployment("default", image="app:2"))
    cluster.edit(ref, lambda obj: obj["spec"].update(replicas=5))
    assert heard == [1, 2, 3]


async def test_what_a_controller_raises_comes_out_at_the_end(cluster: MemoryCluster) -> None:
    async def broken(cluster: MemoryCluster, obj: Object) -> None:
        raise RuntimeError("broken controller")

    cluster.on_apply("Deployment", broken)
    await cluster.apply(deployment("default"))
    await cluster.clock.sleep(1)
    with pytest.raises(RuntimeError, match="broken controller"):
        await cluster.close()


async def test_dropped_watches_end_and_go_on(cluster: MemoryCluster) -> None:
    async def look() -> list[WatchEvent]:
        return [e async for e in cluster.watch("v1", "ConfigMap", resource_version="2")]

    task = asyncio.ensure_future(look())
    await cluster.create(config_map("default"))
    await cluster.clock.sleep(1)
    cluster.bookmark()
    await cluster.clock.sleep(1)
    cluster.drop_watches()
    assert [event.type for event in await task] == ["ADDED", "BOOKMARK"]


async def test_a_compacted_history_is_gone(cluster: MemoryCluster) -> None:
    await cluster.create(config_map("default"))
    cluster.compact()
    stream = cluster.watch("v1", "ConfigMap", resource_version="1")
    with pytest.raises(Gone):
        await following(stream)
    listed = await cluster.list("v1", "ConfigMap")
    stream = cluster.watch("v1", "ConfigMap", resource_version=listed.resource_version)
    async with aclosing(stream):
        await cluster.create(config_map("default", "other"))
        assert (await following(stream)).type == "ADDED"


async def test_a_namespace_ends_with_its_content(cluster: MemoryCluster) -> None:
    home = Ref("v1", "Namespace", "shop")
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    await cluster.create(config_map("shop", "plain"))
    stuck = config_map("shop", "stuck")
    stuck["metadata"]["finalizers"] = ["example.com/wait"]
    await cluster.create(stuck)
    await cluster.delete(home)
    assert (await cluster.get(home))["status"] == {"phase": "Terminating"}
    with pytest.raises(ApiError, match="being terminated"):
        await cluster.create(config_map("shop", "late"))
    with pytest.raises(NotFound):
        await cluster.get(Ref("v1", "ConfigMap", "plain", "shop"))
    ref = Ref("v1", "ConfigMap", "stuck", "shop")
    cluster.edit(ref, lambda obj: obj["metadata"].update(finalizers=[]))
    with pytest.raises(NotFound):
        await cluster.get(home)


async def test_secrets_are_kept_encoded(cluster: MemoryCluster) -> None:
    made = await cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "stringData": {"a": "b"},
            "metadata": {"name": "s", "namespace": "default"},
        }
    )
    assert made["data"] == {"a": "Yg=="}
    assert "stringData" not in made


async def test_containers_answer_as_told(cluster: MemoryCluster) -> None:
    assert (await cluster.exec("default", "box", "main", ["ls"])).exit_code == 127

    async def slow(call: ExecCall) -> ExecResult:
        await cluster.clock.sleep(30)
        return ExecResult(0, f"{call.argv} {call.stdin}", "")

    cluster.on_exec(slow)
    assert (await cluster.exec("default", "box", "main", ["ls"], stdin="x")).stdout == "('ls',) x"
    with pytest.raises(TimeoutError):
        await cluster.exec("default", "box", "main", ["ls"], timeout=5)
    cluster.set_logs("default", "box", "main", "a\nb\nc\n")
    cluster.set_logs("default", "box", "main", "old\n", previous=True)
    assert await cluster.logs("default", "box", "main", tail=2) == "b\nc\n"
    assert await cluster.logs("default", "box", "main", previous=True) == "old\n"


async def test_ports_are_served_by_handlers(cluster: MemoryCluster) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read(100)).upper())
        writer.close()

    cluster.on_connect("default", "box", 80, shout)
    async with cluster.port_forward("default", "box", 80) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        assert await reader.read() == b"HELLO"
        writer.close()
