"""The kinds that an API server serves, and the paths that lead to them.

Two requests by aggregated discovery (served since Kubernetes 1.27), kept for the connection's
life, asked again when a kind is unknown (it may have come since) or was found to be gone.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import quote

from skill_runner.backends.base import ResourceType
from skill_runner.backends.kube.transport import Transport
from skill_runner.errors import ApiError, NotFound
from skill_runner.objects import Ref

_ACCEPT: Final = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
)


class Discovery:
    """The kinds of one server, by version and kind."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: dict[tuple[str, str], ResourceType] = {}
        self._preferred: tuple[ResourceType, ...] = ()
        self._current = False
        self._asking = asyncio.Lock()
        self._asked = 0  # times that the server was asked

    async def all(self, *, fresh: bool = False) -> tuple[ResourceType, ...]:
        """Every kind in its preferred version, asked anew where that is `fresh` or needed."""
        if fresh or not self._current:
            await self._refresh()
        return self._preferred

    def forget(self) -> None:
        """Ask again before the next answer: a kind came or went."""
        self._current = False

    async def find(self, api_version: str, kind: str) -> ResourceType:
        """One kind. NotFound when it is not served."""
        key = (api_version, kind)
        if key not in self._known or not self._current:
            await self._refresh()
        if key not in self._known:
            raise NotFound(f"the server serves no kind {kind} in {api_version}", status=404)
        return self._known[key]

    async def path(self, ref: Ref, *, collection: bool = False) -> str:
        """The path of an object, or of the collection that it is created in.

        ApiError 400 when the kind is namespaced and the reference names no namespace.
        """
        served = await self.find(ref.api_version, ref.kind)
        if served.namespaced and not ref.namespace:
            raise ApiError(f"{ref} names no namespace", status=400, reason="BadRequest")
        place = collection_path(served, ref.namespace)
        return place if collection else f"{place}/{quote(ref.name, safe=':')}"

    async def _refresh(self) -> None:
        """Ask the server, or wait for an answer to what somebody else asked later than this."""
        before = self._asked
        async with self._asking:
            if self._asked > before:
                return
            self._asked += 1
            self._current = True  # what is forgotten from here on may not be in the answer
            try:
                self._known, self._preferred = await self._ask()
            except BaseException:
                self._current = False
                raise

    async def _ask(self) -> tuple[dict[tuple[str, str], ResourceType], tuple[ResourceType, ...]]:
        known: dict[tuple[str, str], ResourceType] = {}
        preferred: list[ResourceType] = []
        for root in ("/api", "/apis"):
            answer = await self._transport.json("GET", root, accept=_ACCEPT)
            if answer.get("kind") != "APIGroupDiscoveryList":
                raise ApiError("the server has no aggregated discovery: Kubernetes < 1.27")
            for group in answer.get("items") or ():
                versions = [_types(group, version) for version in group.get("versions") or ()]
                preferred += _preferred(versions)
                known |= {(t.api_version, t.kind): t for types in versions for t in types}
        return known, tuple(preferred)


def collection_path(served: ResourceType, namespace: str | None) -> str:
    """The path of a kind's objects, of one namespace or of all."""
    root = "/apis" if "/" in served.api_version else "/api"
    inside = f"/namespaces/{quote(namespace)}" if served.namespaced and namespace else ""
    return f"{root}/{served.api_version}{inside}/{served.plural}"


def _types(group: dict[str, Any], version: dict[str, Any]) -> list[ResourceType]:
    name = (group.get("metadata") or {}).get("name")
    api_version = f"{name}/{version['version']}" if name else version["version"]
    return [
        ResourceType(
            api_version,
            resource["responseKind"]["kind"],
            resource["resource"],
            resource.get("scope") == "Namespaced",
            tuple(resource.get("verbs") or ()),
        )
        for resource in version.get("resources") or ()
        if (resource.get("responseKind") or {}).get("kind")
    ]


def _preferred(versions: list[list[ResourceType]]) -> list[ResourceType]:
    """Each kind once, in the first version that has it: servers list the preferred one first."""
    found: dict[str, ResourceType] = {}
    for types in versions:
        for served in types:
            found.setdefault(served.plural, served)
    return list(found.values())
