"""A whole wait over HTTP with a server that breaks every rule once, in turn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web

from skill_runner.backends.clock import SystemClock
from skill_runner.backends.kube import connect
from skill_runner.backends.recording import RecordingCluster
from skill_runner.progress import silent
from skill_runner.readiness.wait import DEFAULT_POLICY, wait_ready
from skill_runner.skill.model import WaitRule
from tests.unit.backends.kube.conftest import Server, server, status, write_kubeconfig

__all__ = ["server"]

PATH = "/api/v1/namespaces/shop/configmaps"
RULE = WaitRule(
    api_version="v1",
    kind="ConfigMap",
    name="late",
    namespace="shop",
    jsonpath=".data.done",
    value="yes",
)


def listed(version: str, *, done: str | None = None) -> web.Response:
    meta = {"name": "late", "namespace": "shop", "uid": "u1", "resourceVersion": version}
    items = [{"metadata": meta, "data": {"done": done}}] if done else []
    return web.json_response({"metadata": {"resourceVersion": version}, "items": items})


async def dropped(request: web.Request) -> web.StreamResponse:
    """Half an event, and the connection is gone."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(b'{"type": "MODI')
    assert request.transport is not None
    request.transport.abort()
    return answer


TOO_OLD = web.Response(
    text=json.dumps(
        {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}
    )
    + "\n"
)
SCRIPT = (
    listed("1"),
    dropped,  # the watch
    status(500, "etcdserver: leader changed"),
    listed("2", done="no"),
    TOO_OLD,  # the watch
    status(429, "slow down", Retry_After="0"),
    status(503, "the server is currently unable to handle the request"),
    status(401, "Unauthorized"),
    listed("9", done="yes"),
)


async def test_a_wait_survives_everything_once(server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t0ken")
    server.answer(PATH, *SCRIPT)
    cluster = await connect(write_kubeconfig(tmp_path, server.url, tokenFile=str(token)))
    try:
        result = await wait_ready(
            cluster,
            SystemClock(),
            (),
            rules=(RULE,),
            timeout=60,
            stability=0,
            policy=DEFAULT_POLICY,
            report=silent,
        )
    finally:
        await cluster.close()
    assert (result.state, result.problem) == ("ready", None)
    assert server.answers[PATH] == [SCRIPT[-1]]


async def away(request: web.Request) -> web.StreamResponse:
    """No answer at all."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_a_wait_knows_at_once_that_the_server_went_away(
    server: Server, tmp_path: Path
) -> None:
    server.answer(PATH, listed("1"), dropped, away, away, away, listed("2", done="yes"))
    cluster = await connect(write_kubeconfig(tmp_path, server.url, token="t0ken"))
    recording = RecordingCluster(cluster, SystemClock())
    try:
        result = await wait_ready(
            recording,
            SystemClock(),
            (),
            rules=(RULE,),
            timeout=60,
            stability=0,
            policy=DEFAULT_POLICY,
            report=silent,
        )
    finally:
        await cluster.close()
    assert result.state == "ready"
    told = [m.what for m in recording.moments if m.what in ("unreachable", "reached")]
    assert told == ["unreachable", "reached"]


@pytest.mark.parametrize("code", [401, 403])
async def test_credentials_that_are_not_renewed_are_told(
    server: Server, tmp_path: Path, code: int
) -> None:
    refusal = 'configmaps is forbidden: User "ci" cannot list resource "configmaps"'
    server.answer(PATH, listed("1"), dropped, status(code, refusal))
    cluster = await connect(write_kubeconfig(tmp_path, server.url, token="t0ken"))
    try:
        result = await wait_ready(
            cluster,
            SystemClock(),
            (),
            rules=(RULE,),
            timeout=60,
            stability=0,
            policy=DEFAULT_POLICY,
            report=silent,
        )
    finally:
        await cluster.close()
    assert result.problem is not None
    assert result.problem.code == "FORBIDDEN"
