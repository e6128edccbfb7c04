"""An HTTP server that answers as a test tells it, and a connection to it."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from aiohttp import web

from skill_runner.backends.kube import KubeCluster, connect

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


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"{'https' if tls else 'http'}://{host}:{port}"
    server.answer("/api", discovery(group("", "v1", Pod="pods", ConfigMap="configmaps")))
    server.answer("/apis", discovery())
    yield server
    await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def tls_server(authority: trustme.CA) -> AsyncIterator[Server]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    async with serving(tls) as server:
        yield server


@pytest.fixture
async def tls_cluster(
    tls_server: Server, authority: trustme.CA, tmp_path: Path
) -> AsyncIterator[KubeCluster]:
    trusted = base64.b64encode(authority.cert_pem.bytes()).decode()
    where = write_kubeconfig(tmp_path, tls_server.url, authority=trusted, token="t0ken")
    cluster = await connect(where)
    yield cluster
    await cluster.close()


def write_kubeconfig(folder: Path, server: str, *, authority: str = "", **user: Any) -> str:
    """A kubeconfig with the one context `test`; `authority` is a certificate in base64."""
    path = folder / "kubeconfig"
    trust = {"certificate-authority-data": authority} if authority else {}
    content = {
        "current-context": "test",
        "clusters": [{"name": "c", "cluster": {"server": server, **trust}}],
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
