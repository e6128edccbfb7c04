"""The API of a cluster in memory over HTTP: paths, pages, watches, reviews; every request counted.

What a crowd of others has in the cluster is kept as text, so that it costs no time of a test.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from skill_runner.backends.base import ResourceType
from skill_runner.backends.selectors import matches
from skill_runner.errors import ApiError, Conflict, Forbidden, Gone, NotFound
from skill_runner.objects import Object, Ref
from skill_runner.testing import MemoryCluster

REVIEWS: Final = "/apis/authorization.k8s.io/v1/self"
STATUS: Final = {NotFound: 404, Conflict: 409, Forbidden: 403, Gone: 410}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, in RBAC's words: verb and resource; `limit` is the page's size."""

    verb: str
    resource: str
    namespace: str = ""
    limit: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads."""

    kind: ResourceType
    namespace: str | None
    name: str = ""

    @property
    def ref(self) -> Ref:
        return Ref(self.kind.api_version, self.kind.kind, self.name, self.namespace)


@dataclass(slots=True)
class ApiServer:
    """Serve `cluster`, and `crowd`, which nobody changes."""

    cluster: MemoryCluster
    crowd: Sequence[Object] = ()
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    _crowd: dict[tuple[str, str], list[tuple[Object, str]]] = field(default_factory=dict)
    _lists: dict[str, tuple[list[str], str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for obj in self.crowd:
            kind = obj["apiVersion"], obj["kind"]
            self._crowd.setdefault(kind, []).append((obj, json.dumps(obj)))

    def counted(self) -> Counter[str]:
        """How often each verb was asked of each resource."""
        return Counter(f"{one.verb} {one.resource}" for one in self.asked)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except ApiError as error:
            code = error.status or next((c for t, c in STATUS.items() if isinstance(error, t)), 500)
            body = {
                "kind": "Status",
                "code": code,
                "message": error.message,
                "reason": error.reason,
            }
            return web.json_response(body, status=code)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path == "/version":
            self.asked.append(Asked("get", "version"))
            return web.json_response({"gitVersion": await self.cluster.version()})
        if path in ("/api", "/apis"):
            self.asked.append(Asked("discover", path))
            return web.json_response(discovery(self.cluster.store.types(), core=path == "/api"))
        if path.startswith(REVIEWS):
            return await self._review(request)
        place = self._place(path)
        verb = _verb(request, place)
        query = request.query
        self.asked.append(
            Asked(
                verb,
                place.kind.plural,
                place.namespace or "",
                query.get("limit", ""),
                "dryRun" in query,
            )
        )
        if verb == "watch":
            return await self._watch(request, place)
        if verb == "list":
            return await self._list(request, place)
        return web.json_response(await self._act(verb, request, place))

    async def _review(self, request: web.Request) -> web.Response:
        spec = (await request.json())["spec"]
        self.asked.append(
            Asked("review", request.path.rpartition("/")[2], spec.get("namespace", ""))
        )
        every = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        return web.json_response({"status": {"allowed": True, "resourceRules": [every]}})

    def _place(self, path: str) -> Place:
        """NotFound for a path that leads nowhere, in the API server's words."""
        words = path.strip("/").split("/")
        version, rest = (
            ("v1", words[2:]) if words[0] == "api" else ("/".join(words[1:3]), words[3:])
        )
        space = None
        if rest[0] == "namespaces" and len(rest) > 2:
            space, rest = rest[1], rest[2:]
        for kind in self.cluster.store.types():
            if (kind.api_version, kind.plural) == (version, rest[0]):
                return Place(kind, space, "/".join(rest[1:]))
        raise NotFound("the server could not find the requested resource", status=404)

    async def _act(self, verb: str, request: web.Request, place: Place) -> Object:
        dry_run = "dryRun" in request.query
        if verb == "get":
            return await self.cluster.get(place.ref)
        body: dict[str, Any] = json.loads(await request.text())
        if verb == "create":
            return await self.cluster.create(body, dry_run=dry_run)
        if verb == "update":
            return await self.cluster.replace(body)
        if verb == "delete":
            conditions = body.get("preconditions") or {}
            await self.cluster.delete(
                place.ref,
                uid=conditions.get("uid"),
                propagation=body["propagationPolicy"],
                resource_version=conditions.get("resourceVersion"),
            )
            return {"kind": "Status", "status": "Success"}
        return await self.cluster.apply(
            body,
            dry_run=dry_run,
            force="force" in request.query,
            manager=request.query["fieldManager"],
        )

    async def _list(self, request: web.Request, place: Place) -> web.Response:
        """A page; the token names the list as it was when its first page was read."""
        query = request.query
        token, _, start = query.get("continue", "").partition(".")
        items, version = self._lists.get(token) or await self._all(request, place)
        begin = int(start or 0)
        end = begin + int(query.get("limit") or len(items) or 1)
        meta = {"resourceVersion": version}
        if end < len(items):
            token = token or secrets.token_hex(4)
            self._lists[token] = items, version
            meta["continue"] = f"{token}.{end}"
        elif token:
            del self._lists[token]
        text = f'{{"metadata": {json.dumps(meta)}, "items": [{", ".join(items[begin:end])}]}}'
        return web.Response(text=text, content_type="application/json")

    async def _all(self, request: web.Request, place: Place) -> tuple[list[str], str]:
        labels = request.query.get("labelSelector")
        fields = request.query.get("fieldSelector")
        kind = place.kind.api_version, place.kind.kind
        found = await self.cluster.list(
            *kind, namespace=place.namespace, labels=labels, fields=fields
        )
        items = [json.dumps(obj) for obj in found.items]
        items += [
            text
            for obj, text in self._crowd.get(kind, ())
            if place.namespace in (None, obj["metadata"]["namespace"])
            and matches(obj, labels, fields)
        ]
        return items, found.resource_version

    async def _watch(self, request: web.Request, place: Place) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        query = request.query
        events = self.cluster.watch(
            place.kind.api_version,
            place.kind.kind,
            namespace=place.namespace,
            labels=query.get("labelSelector"),
            fields=query.get("fieldSelector"),
            resource_version=query.get("resourceVersion"),
        )
        async for event in events:
            line = json.dumps({"type": event.type, "object": event.object})
            await answer.write(line.encode() + b"\n")
        return answer


def _verb(request: web.Request, place: Place) -> str:
    if request.method == "GET" and not place.name:
        return "watch" if "watch" in request.query else "list"
    return {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "apply", "DELETE": "delete"}[
        request.method
    ]


def discovery(kinds: Sequence[ResourceType], *, core: bool) -> dict[str, Any]:
    """The answer of aggregated discovery."""
    versions: dict[str, list[dict[str, Any]]] = {}
    for kind in kinds:
        if ("/" not in kind.api_version) is core:
            versions.setdefault(kind.api_version, []).append(
                {
                    "resource": kind.plural,
                    "responseKind": {"kind": kind.kind},
                    "scope": "Namespaced" if kind.namespaced else "Cluster",
                    "verbs": kind.verbs,
                }
            )
    groups = [
        {
            "metadata": {"name": api_version.rpartition("/")[0]} if not core else {},
            "versions": [{"version": api_version.rpartition("/")[2], "resources": resources}],
        }
        for api_version, resources in versions.items()
    ]
    return {"kind": "APIGroupDiscoveryList", "items": groups}


@asynccontextmanager
async def listening(server: ApiServer) -> AsyncIterator[ApiServer]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield server
    finally:
        await runner.cleanup()


@contextmanager
def serving(server: ApiServer) -> Iterator[ApiServer]:
    """Serve from a thread of its own, as another machine does."""
    up, loop, end = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with listening(server):
            up.set()
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    up.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()
