"""An HTTP server that answers as a test tells it, and a connection to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from skill_runner.backends.cluster import KubeCluster, connect

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def status(code: int, message: str, reason: str = "", **headers: str) -> web.Response:
    """An answer as the API gives errors."""
    body = {"kind": "Status", "status": "Failure", "code": code, "message": message}
    return web.json_response(
        {**body, "reason": reason},
        status=code,
        headers={k.replace("_", "-"): v for k, v in headers.items()},
    )


@dataclass(slots=True)
class Server:
    """Answers from a list a path; the last one stays. `asked` is what came in."""

    url: str = ""
    answers: dict[str, list[web.Response | Handler]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def answer(self, path: str, *answers: web.Response | Handler) -> None:
        self.answers[path] = list(answers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path))
        self.tokens.append(request.headers.get("Authorization", ""))
        queue = self.answers.get(request.path)
        if queue is None:
            return status(404, f"no {request.path}", "NotFound")
        found = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(found, web.Response):
            # A response can be sent once only.
            return web.Response(status=found.status, body=found.body, headers=found.headers)
        return await found(request)


def discovery(*groups: dict[str, Any]) -> web.Response:
    return web.json_response({"kind": "APIGroupDiscoveryList", "items": list(groups)})


def group(name: str, version: str, **kinds: str) -> dict[str, Any]:
    resources = [
        {"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced", "verbs": []}
        for kind, plural in kinds.items()
    ]
    meta = {"name": name} if name else {}
    return {"metadata": meta, "versions": [{"version": version, "resources": resources}]}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    server.answer("/api", discovery(group("", "v1", Pod="pods", ConfigMap="configmaps")))
    server.answer("/apis", discovery())
    yield server
    await runner.cleanup()


def write_kubeconfig(folder: Path, server: str, **user: Any) -> str:
    """A kubeconfig with the one context `test`."""
    path = folder / "kubeconfig"
    content = {
        "current-context": "test",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(yaml.safe_dump(json.loads(json.dumps(content))))
    return str(path)


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
async def cluster(server: Server, tmp_path: Path, slept: list[float]) -> AsyncIterator[KubeCluster]:
    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    cluster = await connect(write_kubeconfig(tmp_path, server.url, token="t0ken"), sleep=sleep)
    yield cluster
    await cluster.close()
