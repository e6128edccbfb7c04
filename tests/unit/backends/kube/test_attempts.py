"""What is asked again when no answer came, and what must not be."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest
from aiohttp import web

from skill_runner.backends.base import Right
from skill_runner.backends.kube import KubeCluster
from skill_runner.backends.kube.attempts import ATTEMPTS
from skill_runner.errors import ApiError, ClusterUnreachable, Conflict
from skill_runner.objects import Object, Ref
from tests.unit.backends.kube.conftest import Handler, Server, status

PATH = "/api/v1/namespaces/shop/configmaps/one"
MAPS = "/api/v1/namespaces/shop/configmaps"
REF = Ref("v1", "ConfigMap", "one", "shop")
MANIFEST: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "one", "namespace": "shop"},
    "data": {"a": "1"},
}


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Take the request and end the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def end_early(request: web.Request) -> web.StreamResponse:
    """Promise more than comes."""
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b'{"kind":')
    assert request.transport is not None
    request.transport.close()
    return answer


def asked(server: Server, path: str) -> list[str]:
    """The methods that came, where aiohttp's own second attempt on a connection that had been kept
    open counts as one with the first."""
    methods = [method for method, where in server.asked if where == path]
    return [method for method, again in groupby(methods) for _ in batched(list(again))]


def batched(methods: list[str]) -> list[list[str]]:
    size = 1 if methods[0] in ("POST", "PATCH") else 2
    return [methods[n : n + size] for n in range(0, len(methods), size)]


@pytest.mark.parametrize(
    "trouble", [hang_up, end_early, *(status(n, "busy") for n in (429, 500, 502, 503, 504))]
)
async def test_a_read_survives(
    cluster: KubeCluster, server: Server, slept: list[float], trouble: web.Response | Handler
) -> None:
    server.answer(PATH, *[trouble] * 4, web.json_response(MANIFEST))
    assert await cluster.get(REF) == MANIFEST
    assert 2 <= len(slept) < ATTEMPTS  # aiohttp makes a second attempt of its own


@pytest.mark.parametrize("trouble", [hang_up, *(status(n, "busy") for n in (429, 502, 503, 504))])
async def test_what_may_be_done_twice_survives(
    cluster: KubeCluster, server: Server, trouble: web.Response | Handler
) -> None:
    server.answer(PATH, trouble, web.json_response(MANIFEST))
    assert await cluster.apply(MANIFEST) == MANIFEST
    server.answer(PATH, trouble, web.json_response(MANIFEST))
    assert await cluster.apply(MANIFEST, dry_run=True) == MANIFEST
    server.answer(PATH, trouble, web.json_response({"kind": "Status"}))
    await cluster.delete(REF, uid="u1")
    server.answer(MAPS, trouble, web.json_response(MANIFEST))
    assert await cluster.create(MANIFEST, dry_run=True) == MANIFEST


async def test_what_may_not_be_done_twice_is_done_once(
    cluster: KubeCluster, server: Server, slept: list[float]
) -> None:
    await cluster.resource_types()
    server.answer(PATH, hang_up)
    with pytest.raises(ClusterUnreachable):
        await cluster.replace({**MANIFEST})
    assert asked(server, PATH) == ["PUT"]
    with pytest.raises(ClusterUnreachable):
        await cluster.delete(REF)  # by name: it may be another one by now
    assert asked(server, PATH) == ["PUT", "DELETE"]
    server.answer(PATH, status(503, "shutting down"))
    with pytest.raises(ApiError, match="shutting down"):
        await cluster.replace({**MANIFEST})
    assert slept == []


async def test_a_create_without_an_answer_looks_before_it_creates_again(
    cluster: KubeCluster, server: Server
) -> None:
    server.answer(MAPS, hang_up, web.json_response(MANIFEST))
    server.answer(PATH, status(404, 'configmaps "one" not found', "NotFound"))
    assert await cluster.create(MANIFEST) == MANIFEST
    assert (asked(server, MAPS), asked(server, PATH)) == (["POST", "POST"], ["GET"])


async def test_a_create_whose_answer_was_lost_is_not_made_twice(
    cluster: KubeCluster, server: Server
) -> None:
    made = {**MANIFEST, "metadata": {**MANIFEST["metadata"], "uid": "u1"}}
    server.answer(MAPS, hang_up)
    server.answer(PATH, web.json_response(made))
    assert await cluster.create(MANIFEST) == made
    assert asked(server, MAPS) == ["POST"]


async def test_a_create_without_an_answer_takes_no_other_object_for_its_own(
    cluster: KubeCluster, server: Server
) -> None:
    server.answer(MAPS, hang_up)
    server.answer(PATH, web.json_response({**MANIFEST, "data": {"a": "another's"}}))
    with pytest.raises(Conflict, match="exists already"):
        await cluster.create(MANIFEST)
    assert asked(server, MAPS) == ["POST"]


async def test_a_server_that_goes_away_is_asked_a_bounded_number_of_times(
    cluster: KubeCluster, server: Server, slept: list[float]
) -> None:
    await cluster.resource_types()
    server.answer(PATH, hang_up)
    with pytest.raises(ClusterUnreachable):
        await cluster.get(REF)
    assert (len(asked(server, PATH)), len(slept)) == (ATTEMPTS, ATTEMPTS - 1)


async def test_a_list_for_a_caller_that_asks_again_tells_the_first_lost_connection(
    cluster: KubeCluster, server: Server, slept: list[float]
) -> None:
    await cluster.resource_types()
    server.answer(MAPS, hang_up)
    with pytest.raises(ClusterUnreachable):
        await cluster.list("v1", "ConfigMap", namespace="shop", retry=False)
    assert (asked(server, MAPS), slept) == (["GET"], [])
    server.answer(MAPS, status(503, "busy"), web.json_response({"metadata": {}, "items": []}))
    assert not (await cluster.list("v1", "ConfigMap", namespace="shop", retry=False)).items


async def test_a_server_that_never_answered_is_not_waited_for(
    cluster: KubeCluster, server: Server, slept: list[float]
) -> None:
    server.answer("/version", hang_up)
    with pytest.raises(ClusterUnreachable):
        await cluster.version()
    assert slept == []


async def test_a_review_is_a_read(cluster: KubeCluster, server: Server) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer: dict[str, Any] = {"status": {"allowed": True}}
    await cluster.resource_types()
    server.answer(path, hang_up, web.json_response(answer))
    assert await cluster.denied([Right("list", "", "nodes")]) == ()
