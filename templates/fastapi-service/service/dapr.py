"""The sidecar's HTTP API, as far as this service needs it: state with ETags, publish, health."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx2

from service.settings import Settings


class DaprError(Exception):
    """The sidecar refused, or did not answer. Trying again later may help."""


class Conflict(DaprError):
    """Somebody else wrote the entry since it was read."""


class Dapr:
    """One client for the process; a call that fails raises DaprError."""

    def __init__(self, settings: Settings, transport: httpx2.AsyncBaseTransport | None = None):
        self._settings = settings
        self._client = httpx2.AsyncClient(
            base_url=settings.sidecar,
            timeout=5.0,
            transport=transport,
            trust_env=False,  # a proxy is no way to the sidecar
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def is_ready(self) -> bool:
        """Tell whether the sidecar and its components serve; it does not ask about this service."""
        try:
            answer = await self._client.get("/v1.0/healthz/outbound", timeout=2.0)
        except httpx2.HTTPError:
            return False
        return answer.is_success

    async def read(self, key: str) -> tuple[Any, str | None]:
        """The value and its ETag; (None, None) when there is no such entry."""
        answer = await self._call("GET", f"{self._store}/{quote(key, safe='')}")
        if answer.status_code == 204 or not answer.content:
            return None, None
        return answer.json(), answer.headers.get("etag")

    async def write(self, key: str, value: Any, etag: str | None) -> None:
        """Write an entry that is still as it was read; Conflict when it is not.

        Without an ETag the entry must not exist yet.
        """
        entry: dict[str, Any] = {
            "key": key,
            "value": value,
            "options": {"concurrency": "first-write", "consistency": "strong"},
        }
        if etag is not None:
            entry["etag"] = etag
        await self._call("POST", self._store, json=[entry])

    async def publish(self, data: Any, *, key: str, id: str | None = None) -> None:
        """Publish an event; those of one key are handled in their order.

        Who publishes the same `id` again publishes the same event, which its handlers know.
        """
        params = {"metadata.partitionKey": key}
        if id is not None:
            params["metadata.cloudevent.id"] = id
        await self._call("POST", self._topic(self._settings.topic), json=data, params=params)

    async def bury(self, event: dict[str, Any], reason: str) -> bool:
        """Send an event to the dead-letter topic with two attributes more: the reason, and as its
        origin the topic that it came from, since Dapr writes the new one into `topic`.

        False where the service knows no such topic: Dapr sends what is dropped there by itself,
        without a reason.
        """
        if not self._settings.dead_letter:
            return False
        await self._call(
            "POST",
            self._topic(self._settings.dead_letter),
            json={**event, "reason": reason, "origin": event.get("topic")},
            headers={"Content-Type": "application/cloudevents+json"},
        )
        return True

    def _topic(self, topic: str) -> str:
        return f"/v1.0/publish/{self._settings.pubsub}/{quote(topic, safe='')}"

    @property
    def _store(self) -> str:
        return f"/v1.0/state/{self._settings.state_store}"

    async def _call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        try:
            answer = await self._client.request(method, path, **more)
        except httpx2.HTTPError as error:
            raise DaprError(f"{method} {path}: {type(error).__name__}: {error}") from error
        if answer.status_code == 409:
            raise Conflict(f"{method} {path}: the entry was changed meanwhile")
        if not answer.is_success:
            raise DaprError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer
