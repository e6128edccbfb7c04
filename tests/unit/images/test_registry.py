"""The registry probe, against a stand-in that speaks the distribution protocol on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from skill_runner.images.registry import Reference, parse_reference, registry_digest, registry_has

DIGEST = f"sha256:{'0' * 64}"


class Registry(BaseHTTPRequestHandler):
    """`open/app:1` is there for everybody, `guarded/app:1` with a token."""

    def do_HEAD(self) -> None:
        if self.path == "/v2/open/app/manifests/1":
            self._answer(200)
        elif self.path == "/v2/guarded/app/manifests/1":
            known = self.headers.get("Authorization") == "Bearer let-me-in"
            self._answer(200 if known else 401)
        else:
            self._answer(404)

    def do_GET(self) -> None:
        body = json.dumps({"token": "let-me-in"}).encode()
        self.send_response(200 if "scope=guarded" in self.path else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if status == 401:
            here = self.headers["Host"]
            challenge = f'Bearer realm="http://{here}/token",service="s",scope="guarded"'
            self.send_header("WWW-Authenticate", challenge)
        if status == 200:
            self.send_header("Docker-Content-Digest", DIGEST if "open" in self.path else "odd")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("name", "there"), [("open/app:1", True), ("guarded/app:1", True), ("open/app:2", False)]
)
async def test_a_registry_that_answers(host: str, name: str, there: bool) -> None:
    assert await registry_has(f"{host}/{name}") is there


@pytest.mark.parametrize(
    ("name", "digest"), [("open/app:1", DIGEST), ("guarded/app:1", ""), ("open/app:2", "")]
)
async def test_the_digest_that_a_registry_tells(host: str, name: str, digest: str) -> None:
    """What is no digest is none."""
    assert await registry_digest(f"{host}/{name}") == digest


async def test_no_answer_is_a_no() -> None:
    assert await registry_has("127.0.0.1:1/open/app:1") is False


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("postgres:17", Reference("registry-1.docker.io", "library/postgres", "17")),
        (
            "docker.io/apache/kafka:4.3.1",
            Reference("registry-1.docker.io", "apache/kafka", "4.3.1"),
        ),
        ("ghcr.io/dapr/daprd:1.18.3", Reference("ghcr.io", "dapr/daprd", "1.18.3")),
        ("localhost:5000/app", Reference("localhost:5000", "app", "latest")),
        ("quay.io/x/y:1@sha256:ab", Reference("quay.io", "x/y", "sha256:ab")),
    ],
)
def test_references(ref: str, expected: Reference) -> None:
    assert parse_reference(ref) == expected
