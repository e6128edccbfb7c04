"""A registry that a test plays, and a cluster in which it is the registry's pod."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

from skill_runner.objects import Ref
from skill_runner.testing import MemoryCluster


class Registry(BaseHTTPRequestHandler):
    """The answers of Apicurio Registry 3.3.3, as they were seen; `refuses` by subject."""

    level = "BACKWARD"
    subjects: ClassVar[dict[str, list[str]]]
    refuses: ClassVar[dict[str, dict[str, Any]]]

    def do_GET(self) -> None:
        parts = urlsplit(self.path).path.strip("/").split("/")
        if "config" in parts:
            return self.answer(200, {"compatibilityLevel": self.level})
        subject = parts[parts.index("subjects") + 1]
        return self.answer(200, {"schema": self.subjects[subject][-1]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        parts = urlsplit(self.path).path.strip("/").split("/")
        if "artifacts" in parts:
            subject = parts[parts.index("artifacts") + 1]
            known, refused = subject in self.subjects, self.refuses.get(subject)
            return self.answer(*((400, refused) if refused else (200 if known else 404, {})))
        subject = parts[parts.index("subjects") + 1]
        versions = self.subjects.setdefault(subject, [])
        if parts[-1] == "versions":
            versions.append(body["schema"])
            return self.answer(200, {"id": len(versions)})
        return self.answer(200 if body["schema"] in versions else 404, {})

    def answer(self, code: int, document: Any) -> None:
        data = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: object) -> None:
        pass


def violation(*causes: tuple[str, str]) -> dict[str, Any]:
    told = [{"description": words, "context": pointer} for words, pointer in causes]
    return {"name": "RuleViolationException", "status": 400, "causes": told, "title": "…"}


@contextmanager
def played() -> Iterator[type[Registry]]:
    """A registry without a schema, until the test ends."""

    class Mine(Registry):
        subjects: ClassVar[dict[str, list[str]]] = {}
        refuses: ClassVar[dict[str, dict[str, Any]]] = {}

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Forwarding.local = server.server_port
    try:
        yield Mine
    finally:
        server.shutdown()
        server.server_close()


class Forwarding(MemoryCluster):
    """A cluster in which the registry's pod is the server that plays it."""

    local = 0

    @asynccontextmanager
    async def port_forward(self, namespace: str, pod: str, port: int) -> AsyncIterator[int]:
        assert (namespace, pod, port) == ("schema-registry", "schema-registry-0", 8080)
        yield self.local


async def running() -> MemoryCluster:
    """A cluster with a registry that is ready."""
    cluster = Forwarding()
    for manifest in (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "schema-registry"}},
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "spec": {},
            "metadata": {"name": "schema-registry", "namespace": "schema-registry"},
        },
    ):
        await cluster.create(manifest)
    made = Ref("apps/v1", "StatefulSet", "schema-registry", "schema-registry")
    cluster.set_status(made, readyReplicas=1)
    return cluster
