"""What the real client makes of the answers that a healthy cluster seldom gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web

from skill_runner.backends.base import WatchEvent
from skill_runner.backends.kube import KubeCluster, connect
from skill_runner.backends.kube.attempts import ATTEMPTS
from skill_runner.backends.kube.client import LOG_TRIES, NO_LOG
from skill_runner.errors import ApiError, ClusterUnreachable, Forbidden, Gone, NotFound, UsageError
from skill_runner.objects import Ref
from tests.unit.backends.kube.conftest import Server, discovery, group, status, write_kubeconfig

POD = Ref("v1", "Pod", "web", "shop")
PATH = "/api/v1/namespaces/shop/pods/web"
PODS = "/api/v1/namespaces/shop/pods"


async def test_429_waits_as_the_server_asks(
    cluster: KubeCluster, server: Server, slept: list[float]
) -> None:
    busy = status(429, "too many requests", Retry_After="3")
    server.answer(PATH, busy, busy, web.json_response({"kind": "Pod"}))
    assert await cluster.get(POD) == {"kind": "Pod"}
    assert slept == [3.0, 3.0]


async def test_429_is_tried_again_for_writes_too(
    cluster: KubeCluster, server: Server, slept: list[float]
) -> None:
    server.answer(PATH, status(429, "busy", Retry_After="1"), web.json_response({"kind": "Pod"}))
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}
    await cluster.apply(manifest)
    assert slept == [1.0]


async def test_5xx_is_tried_again_for_reads_only(
    cluster: KubeCluster, server: Server, slept: list[float]
) -> None:
    server.answer(PATH, status(500, "etcdserver: leader changed"), web.json_response({"a": 1}))
    assert await cluster.get(POD) == {"a": 1}
    assert len(slept) == 1
    server.answer(PODS, status(500, "failed calling webhook"))
    with pytest.raises(ApiError, match="failed calling webhook"):
        await cluster.create(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}
        )
    assert len(slept) == 1


async def test_what_stays_broken_is_said_in_the_end(
    cluster: KubeCluster, server: Server, slept: list[float]
) -> None:
    server.answer(PATH, status(503, "apiserver is shutting down"))
    with pytest.raises(ApiError, match="shutting down") as caught:
        await cluster.get(POD)
    assert caught.value.status == 503
    assert len(slept) == ATTEMPTS - 1


async def test_403_of_rbac_forbids_and_403_of_admission_does_not(
    cluster: KubeCluster, server: Server
) -> None:
    rbac = 'pods "web" is forbidden: User "me" cannot get resource "pods" in API group ""'
    server.answer(PATH, status(403, rbac, "Forbidden"))
    with pytest.raises(Forbidden, match="cannot get"):
        await cluster.get(POD)
    server.answer(PATH, status(403, 'pods "web" is forbidden: exceeded quota: q', "Forbidden"))
    with pytest.raises(ApiError, match="exceeded quota"):
        await cluster.get(POD)


async def test_401_says_that_the_credentials_are_not_accepted(
    cluster: KubeCluster, server: Server
) -> None:
    server.answer(PATH, status(401, "Unauthorized", "Unauthorized"))
    with pytest.raises(Forbidden, match="does not accept the credentials of context test"):
        await cluster.get(POD)


async def test_an_expired_token_is_read_anew_from_its_file(server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    cluster = await connect(write_kubeconfig(tmp_path, server.url, tokenFile=str(token)))
    server.answer(PATH, status(401, "Unauthorized"), web.json_response({"a": 1}))
    token.write_text("new")
    assert await cluster.get(POD) == {"a": 1}
    assert server.tokens[-2:] == ["Bearer old", "Bearer new"]
    await cluster.close()


async def test_an_unknown_kind_is_looked_up_anew(cluster: KubeCluster, server: Server) -> None:
    widget = Ref("example.com/v1", "Widget", "one", "shop")
    with pytest.raises(NotFound, match="serves no kind Widget"):
        await cluster.get(widget)
    server.answer("/apis", discovery(group("example.com", "v1", Widget="widgets")))
    server.answer("/apis/example.com/v1/namespaces/shop/widgets/one", web.json_response({"a": 1}))
    assert await cluster.get(widget) == {"a": 1}
    before = len(server.asked)
    await cluster.get(widget)
    assert len(server.asked) == before + 1  # discovery is kept


def stream(*lines: object, cut: bool = False) -> web.Response:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return web.Response(text=text[:-9] if cut else text)


POD_EVENT = {"type": "ADDED", "object": {"kind": "Pod"}}


async def watched(cluster: KubeCluster) -> list[WatchEvent]:
    return [e async for e in cluster.watch("v1", "Pod", namespace="shop", resource_version="7")]


async def test_watch_ends_when_the_server_ends_it(cluster: KubeCluster, server: Server) -> None:
    server.answer(PODS, stream(POD_EVENT, {"type": "BOOKMARK", "object": {}}))
    assert [event.type for event in await watched(cluster)] == ["ADDED", "BOOKMARK"]


async def test_watch_ends_when_the_connection_drops(cluster: KubeCluster, server: Server) -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(json.dumps(POD_EVENT).encode() + b"\n")
        assert request.transport is not None
        request.transport.abort()
        return answer

    server.answer(PODS, drop)
    assert [event.type for event in await watched(cluster)] == ["ADDED"]


@pytest.mark.parametrize("as_event", [True, False])
async def test_watch_that_is_too_old_is_gone(
    cluster: KubeCluster, server: Server, as_event: bool
) -> None:
    told = {
        "kind": "Status",
        "code": 410,
        "message": "too old resource version",
        "reason": "Expired",
    }
    event = stream({"type": "ERROR", "object": told})
    server.answer(PODS, event if as_event else status(410, "too old resource version"))
    with pytest.raises(Gone, match="too old"):
        await watched(cluster)


async def test_logs_that_are_not_there_are_not_found(cluster: KubeCluster, server: Server) -> None:
    waiting = 'container "web" in pod "web" is waiting to start: ContainerCreating'
    server.answer(f"{PATH}/log", status(400, waiting, "BadRequest"))
    with pytest.raises(NotFound, match="waiting to start"):
        await cluster.logs("shop", "web", "web")


async def test_nobody_there_is_unreachable(tmp_path: Path, unused_tcp_port: int) -> None:
    path = write_kubeconfig(tmp_path, f"https://127.0.0.1:{unused_tcp_port}")
    cluster = await connect(path)
    with pytest.raises(ClusterUnreachable, match=f"127.0.0.1:{unused_tcp_port}.*refused"):
        await cluster.version()
    await cluster.close()


async def test_a_port_that_speaks_no_tls_is_unreachable(server: Server, tmp_path: Path) -> None:
    cluster = await connect(write_kubeconfig(tmp_path, server.url.replace("http:", "https:")))
    with pytest.raises(ClusterUnreachable, match="no TLS there"):
        await cluster.version()
    await cluster.close()


async def test_a_host_that_does_not_exist_is_unreachable(tmp_path: Path) -> None:
    cluster = await connect(write_kubeconfig(tmp_path, "https://no-such-host.invalid"))
    with pytest.raises(ClusterUnreachable, match="host name is not known"):
        await cluster.version()
    await cluster.close()


async def test_a_missing_certificate_file_is_named(tmp_path: Path) -> None:
    path = write_kubeconfig(
        tmp_path,
        "https://127.0.0.1:1",
        **{"client-certificate": "/no/such.crt", "client-key": "/no/such.key"},
    )
    with pytest.raises(UsageError, match=r"/no/such\.crt"):
        await connect(path)


async def test_certificate_data_that_is_none_is_said(tmp_path: Path) -> None:
    path = write_kubeconfig(
        tmp_path,
        "https://127.0.0.1:1",
        **{"client-certificate-data": "bm9uc2Vuc2U=", "client-key-data": "bm9uc2Vuc2U="},
    )
    with pytest.raises(ClusterUnreachable, match="certificates of context test"):
        await connect(path)


async def test_a_credential_plugin_that_gives_nothing_is_named(tmp_path: Path) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "args": ["-x"]}
    path = write_kubeconfig(tmp_path, "https://127.0.0.1:1", exec=plugin)
    with pytest.raises(Forbidden, match="credential plugin") as caught:
        await connect(path)
    assert "false -x" in caught.value.hint


async def test_a_pod_is_given_the_time_to_end_that_was_asked_for(
    cluster: KubeCluster, server: Server
) -> None:
    bodies: list[dict[str, object]] = []

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.json_response({"kind": "Status", "status": "Success"})

    server.answer(PATH, take)
    await cluster.delete(POD)
    await cluster.delete(POD, grace=0)
    assert "gracePeriodSeconds" not in bodies[0]
    assert bodies[1]["gracePeriodSeconds"] == 0


async def test_what_the_kubelet_says_of_a_log_that_it_cannot_read_is_no_log(
    cluster: KubeCluster, server: Server, slept: list[float]
) -> None:
    path = "/api/v1/namespaces/a/pods/web/log"
    lost = web.Response(text=f"{NO_LOG}containerd://0123")
    server.answer(path, lost, web.Response(text="last words\n"))
    assert await cluster.logs("a", "web", "main") == "last words\n"
    server.answer(path, lost)
    with pytest.raises(NotFound, match="no log of container main of pod web"):
        await cluster.logs("a", "web", "main", previous=True)
    assert len(slept) == 1 + (LOG_TRIES - 1)


async def test_a_command_whose_connection_ends_is_not_fed_on(
    tls_cluster: KubeCluster, tls_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """A node that goes away amid megabytes of standard input."""

    async def go_away(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io",))
        await socket.prepare(request)
        assert request.transport is not None
        request.transport.abort()
        return socket

    tls_server.answer("/api/v1/namespaces/a/pods/p/exec", go_away)
    with pytest.raises(ApiError, match="the connection to `cat` ended before the command did"):
        await tls_cluster.exec("a", "p", "c", ["cat"], stdin="x" * 20_000_000)
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
