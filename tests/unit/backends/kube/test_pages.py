"""Lists that come in pages, connections of watches, and what discovery costs."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from aiohttp import web

from skill_runner.backends.kube import KubeCluster
from skill_runner.backends.kube.pages import PAGE, RESTARTS
from skill_runner.backends.kube.transport import REQUESTS
from skill_runner.errors import NotFound
from skill_runner.objects import Object, Ref
from tests.unit.backends.kube.conftest import Server, discovery, group, status

PODS = "/api/v1/namespaces/shop/pods"


class Collection:
    """Pods behind a limit and a continue token; `expire` lets the next tokens be too old."""

    def __init__(self, size: int) -> None:
        self.size, self.expire = size, 0
        self.limits: list[str] = []
        self.accepted: list[str] = []

    async def __call__(self, request: web.Request) -> web.Response:
        self.limits.append(request.query.get("limit", ""))
        self.accepted.append(request.headers["Accept"])
        start = int(request.query.get("continue", "0"))
        if start and self.expire:
            self.expire -= 1
            return status(410, "The provided continue parameter is too old", "Expired")
        end = min(self.size, start + int(request.query.get("limit", self.size)))
        rest = {"continue": str(end)} if end < self.size else {}
        items = [
            {"metadata": {"name": f"p{n}", "uid": f"u{n}"}, "spec": {"n": n}}
            for n in range(start, end)
        ]
        return web.json_response({"items": items, "metadata": {"resourceVersion": "7", **rest}})


async def test_a_list_is_read_in_pages(cluster: KubeCluster, server: Server) -> None:
    pods = Collection(2 * PAGE + 1)
    server.answer(PODS, pods)
    found = await cluster.list("v1", "Pod", namespace="shop")
    assert [o["metadata"]["name"] for o in found.items] == [f"p{n}" for n in range(pods.size)]
    assert found.items[0]["kind"] == "Pod"
    assert found.resource_version == "7"
    assert pods.limits == [str(PAGE)] * 3


@pytest.mark.parametrize("times", [1, RESTARTS])
async def test_a_list_whose_rest_expired_is_read_again(
    cluster: KubeCluster, server: Server, times: int
) -> None:
    pods = Collection(2 * PAGE)
    pods.expire = times
    server.answer(PODS, pods)
    names = [
        o["metadata"]["name"] for o in (await cluster.list("v1", "Pod", namespace="shop")).items
    ]
    assert names == [f"p{n}" for n in range(pods.size)]
    # Whoever never gets through reads it whole in the end.
    assert (pods.limits[-1] == "") is (times == RESTARTS)


async def test_what_is_not_picked_is_not_kept(cluster: KubeCluster, server: Server) -> None:
    server.answer(PODS, Collection(2 * PAGE))

    def even(pod: Object) -> Object | None:
        return {"n": pod["spec"]["n"]} if pod["spec"]["n"] % 2 == 0 else None

    found = await cluster.list("v1", "Pod", namespace="shop", pick=even)
    assert found.items == tuple({"n": n} for n in range(0, 2 * PAGE, 2))


async def test_who_wants_a_few_reads_one_page(cluster: KubeCluster, server: Server) -> None:
    pods = Collection(2 * PAGE)
    server.answer(PODS, pods)
    found = await cluster.list("v1", "Pod", namespace="shop", most=2, bare=True)
    assert len(found.items) == 2
    assert pods.limits == ["2"]
    assert "as=PartialObjectMetadataList" in pods.accepted[0]
    assert found.items[0] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p0", "uid": "u0"},
    }


async def test_watches_starve_no_list(cluster: KubeCluster, server: Server) -> None:
    """More watches than any pool holds, all open, and a list is answered."""
    watching = 0
    all_open, over = asyncio.Event(), asyncio.Event()
    wanted = 150

    async def watch(request: web.Request) -> web.StreamResponse:
        nonlocal watching
        if "watch" not in request.query:
            return web.json_response({"items": [], "metadata": {"resourceVersion": "1"}})
        answer = web.StreamResponse()
        await answer.prepare(request)
        watching += 1
        if watching == wanted:
            all_open.set()
        await over.wait()
        return answer

    server.answer(PODS, watch)

    async def follow() -> None:
        async with aclosing(cluster.watch("v1", "Pod", namespace="shop")) as events:
            async for _ in events:
                pass

    tasks = [asyncio.create_task(follow()) for _ in range(wanted)]
    try:
        async with asyncio.timeout(20):
            await all_open.wait()
            assert (await cluster.list("v1", "Pod", namespace="shop")).items == ()
    finally:
        over.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_crowd_of_requests_comes_a_few_at_a_time(
    cluster: KubeCluster, server: Server
) -> None:
    now = most = 0

    async def slow(request: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return web.json_response({"items": [], "metadata": {"resourceVersion": "1"}})

    server.answer(PODS, slow)
    await asyncio.gather(*(cluster.list("v1", "Pod", namespace="shop") for _ in range(300)))
    assert 1 < most <= REQUESTS


def discoveries(server: Server) -> int:
    return sum(path == "/apis" for _, path in server.asked)


async def test_kinds_are_asked_for_once(cluster: KubeCluster, server: Server) -> None:
    await asyncio.gather(*(cluster.resource_types() for _ in range(50)))
    await cluster.resource_type("v1", "Pod")
    await cluster.resource_types()
    assert discoveries(server) == 1
    await cluster.resource_types(fresh=True)
    assert discoveries(server) == 2


async def test_kinds_are_asked_for_again_when_we_make_one(
    cluster: KubeCluster, server: Server
) -> None:
    name = "widgets.example.com"
    kinds = group(
        "apiextensions.k8s.io", "v1", CustomResourceDefinition="customresourcedefinitions"
    )
    kinds["versions"][0]["resources"][0]["scope"] = "Cluster"
    server.answer("/apis", discovery(kinds))
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    server.answer(path, web.json_response({"kind": "CustomResourceDefinition"}))
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
    }
    await cluster.apply(crd)
    assert discoveries(server) == 1
    await cluster.resource_types()
    assert discoveries(server) == 2
    await cluster.delete(Ref.of(crd))
    await cluster.resource_types()
    assert discoveries(server) == 3


async def test_kinds_are_asked_for_again_when_one_is_gone(
    cluster: KubeCluster, server: Server
) -> None:
    server.answer(PODS, status(404, "the server could not find the requested resource"))
    with pytest.raises(NotFound):
        await cluster.list("v1", "Pod", namespace="shop")
    server.answer("/api", discovery(group("", "v1", ConfigMap="configmaps")))
    with pytest.raises(NotFound, match="serves no kind Pod"):
        await cluster.resource_type("v1", "Pod")
