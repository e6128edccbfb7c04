"""A sidecar in memory, and the service on top of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import httpx2
import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings


class Sidecar:
    """State with ETags, as Dapr answers; what was published; faults that a test asks for."""

    def __init__(self) -> None:
        self.state: dict[str, tuple[Any, int]] = {}
        self.published: list[tuple[str, Any]] = []
        self.metadata: list[dict[str, str]] = []  # of what was published
        self.writes = 0
        self.down = False
        self.before_write: list[tuple[str, Any]] = []  # what others write meanwhile

    def put(self, key: str, value: Any) -> None:
        self.state[key] = (value, self.state.get(key, (None, 0))[1] + 1)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.down:
            raise httpx2.ConnectError("connection refused", request=request)
        path = request.url.raw_path.decode()
        if path == "/v1.0/healthz/outbound":
            return httpx2.Response(204)
        if path.startswith("/v1.0/publish/events/"):
            topic = path.partition("?")[0].rpartition("/")[2]
            self.published.append((topic, json.loads(request.content)))
            self.metadata.append(dict(request.url.params))
            return httpx2.Response(204)
        if request.method == "GET" and path.startswith("/v1.0/state/store/"):
            found = self.state.get(unquote(path.rpartition("/")[2]))
            if found is None:
                return httpx2.Response(204)
            return httpx2.Response(200, json=found[0], headers={"etag": str(found[1])})
        if request.method == "POST" and path == "/v1.0/state/store":
            return self._write(json.loads(request.content)[0])
        return httpx2.Response(404, json={"errorCode": "ERR_DIRECT_INVOKE"})

    def _write(self, entry: dict[str, Any]) -> httpx2.Response:
        if self.before_write:
            self.put(*self.before_write.pop(0))
        assert entry["options"]["concurrency"] == "first-write"
        current = self.state.get(entry["key"])
        if entry.get("etag") != (None if current is None else str(current[1])):
            return httpx2.Response(409, json={"errorCode": "ERR_STATE_SAVE"})
        self.put(entry["key"], entry["value"])
        self.writes += 1
        return httpx2.Response(204)


@pytest.fixture
def sidecar() -> Sidecar:
    return Sidecar()


ENVIRONMENT = {
    "PUBSUB_NAME": "events", "STATE_STORE": "store", "TOPIC": "lessons.completed",
    "DEAD_LETTER": "lessons.dead", "APP_API_TOKEN": "shown by the sidecar", "DOCS": "true",
    "CONSUMER_GROUP": "apps.lessons",
}


@pytest.fixture
def service(sidecar: Sidecar) -> Iterator[TestClient]:
    with TestClient(create_app(Settings.of(ENVIRONMENT), httpx2.MockTransport(sidecar))) as client:
        yield client


def event(id: str = "e1", **data: str) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": id, "source": "test", "type": "com.example.completed",
        "topic": "lessons.completed", "pubsubname": "events",
        "data": data or {"learner": "ada", "lesson": "loops"}
    }


def deliver(service: TestClient, document: Any) -> str:
    """What the handler answers, as the sidecar sends it an event."""
    answer = service.post(
        "/events", content=document if isinstance(document, bytes) else json.dumps(document),
        headers={
            "Content-Type": "application/cloudevents+json",
            "dapr-api-token": ENVIRONMENT["APP_API_TOKEN"],
        }
    )
    assert answer.status_code == 200
    return str(answer.json()["status"])
