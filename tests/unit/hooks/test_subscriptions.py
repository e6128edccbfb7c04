"""An application is asked for each route that its sidecar will hand events over to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from skill_runner.hooks.context import Context, GiveUp, RetryLater
from skill_runner.hooks.subscriptions import check_routes, routes_of
from skill_runner.testing import MemoryCluster
from tests.unit.hooks.test_dapr import context
from tests.unit.hooks.test_dapr import pod as a_pod

SUBSCRIPTIONS = [
    {"topic": "orders", "rules": [{"path": "/orders"}, {"match": "true", "path": "/bills"}]},
    {"topic": "users", "rules": [{"path": "/users"}]},
]


def test_every_rule_of_a_subscription_is_a_route() -> None:
    assert routes_of({"subscriptions": SUBSCRIPTIONS}) == {
        "/orders": "orders",
        "/bills": "orders",
        "/users": "users",
    }
    assert routes_of({}) == {}


class Answering(MemoryCluster):
    """A pod whose sidecar and application answer; `routes` are those of the application."""

    def __init__(self, routes: Mapping[str, int], subscriptions: Any = SUBSCRIPTIONS) -> None:
        super().__init__()
        self.routes, self.subscriptions = routes, subscriptions
        self.asked: list[str] = []

    @asynccontextmanager
    async def port_forward(self, namespace: str, pod: str, port: int) -> Any:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, path, *_ = (await reader.readuntil(b"\r\n\r\n")).decode().split()
        self.asked.append(f"{method} {path}")
        sidecar = path == "/v1.0/metadata"
        code = 200 if sidecar else self.routes.get(path, 404)
        body = json.dumps({"subscriptions": self.subscriptions}) if sidecar else ""
        head = f"HTTP/1.1 {code} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()
        writer.close()


def asked(cluster: Answering) -> Context:
    cluster.put(a_pod())
    return context(cluster)


async def test_routes_that_the_application_has_are_no_fault() -> None:
    """FastAPI answers 405 to OPTIONS where only POST is known; who asks for a login, 401."""
    cluster = Answering({"/orders": 405, "/bills": 200, "/users": 401})
    assert await check_routes(asked(cluster), "app=web", 8000) == 3
    written = [line for line in cluster.asked if not line.startswith(("GET", "OPTIONS"))]
    assert written == [], "nothing that an application might take for an event"


async def test_a_route_that_it_does_not_have_is_named_with_its_topic() -> None:
    with pytest.raises(GiveUp, match=r"answers 404 at /bills \(topic orders\)$") as failed:
        await check_routes(asked(Answering({"/orders": 405, "/users": 405})), "app=web", 8000)
    assert failed.value.resource == "Pod default/web-1"
    assert "such events are lost" in failed.value.hint


async def test_without_subscriptions_the_application_is_not_asked() -> None:
    cluster = Answering({}, [])
    assert await check_routes(asked(cluster), "app=web", 8000) == 0
    assert cluster.asked == ["GET /v1.0/metadata"]


async def test_who_does_not_answer_yet_is_asked_again() -> None:
    with pytest.raises(RetryLater, match="there is no pod"):
        await check_routes(context(MemoryCluster()), "app=web", 8000)
