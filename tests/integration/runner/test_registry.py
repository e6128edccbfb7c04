"""What is built goes to a registry that the caller names: really built, really pushed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from skill_runner.images.provider import RecipeImages
from skill_runner.progress import silent
from skill_runner.skill.model import Image
from tests.support.testimage import busybox_binary

pytestmark = pytest.mark.skipif(
    shutil.which("buildah") is None or os.geteuid() != 0, reason="needs buildah and root"
)
IMAGE = Image(name="tool", ref="docker.io/example/tool:1.0", recipe="image")


class Registry(BaseHTTPRequestHandler):
    """The push and the look of the OCI distribution specification, in memory."""

    protocol_version = "HTTP/1.1"
    kept: dict[str, bytes]
    half: bytes = b""

    def do_POST(self) -> None:
        self._answer(202, location=f"{self.path}one")

    def do_PATCH(self) -> None:
        type(self).half += self._body()
        self._answer(202, location=self.path)

    def do_PUT(self) -> None:
        body, path = self._body(), urlsplit(self.path)
        if "/uploads/" in path.path:
            body, type(self).half = type(self).half + body, b""
            (digest,) = parse_qs(path.query)["digest"]
            self.kept[re.sub(r"/uploads/.*", f"/{digest}", path.path)] = body
        else:
            self.kept[path.path] = body
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            self.kept[f"{path.path.rpartition('/')[0]}/{digest}"] = body
        self._answer(201, digest=digest)

    def do_GET(self) -> None:
        body = b"{}" if self.path == "/v2/" else self.kept.get(self.path)
        self._answer(404 if body is None else 200, body or b"")

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(
        self, status: int, body: bytes = b"", *, location: str = "", digest: str = ""
    ) -> None:
        self.send_response(status)
        for name, value in (("Location", location), ("Docker-Content-Digest", digest)):
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@pytest.fixture
def registry() -> Iterator[tuple[str, dict[str, bytes]]]:
    kept: dict[str, bytes] = {}
    handler = type("Kept", (Registry,), {"kept": kept})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}/team", kept
        server.shutdown()


async def test_built_pushed_and_not_again(
    registry: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    where, kept = registry
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "recipe.yaml").write_text("{}\n")
    (folder / "Containerfile").write_text("FROM scratch\nCOPY busybox /bin/busybox\n")
    (folder / "busybox").write_bytes(busybox_binary())
    images = RecipeImages(None, tmp_path / "cache", where)
    chosen = await images.choose(IMAGE, tmp_path, mode="build", recorded=None, override=None)
    assert chosen.ref.startswith(f"{where}/tool:1.0-")
    assert "pushed" in await images.provide(chosen, folder, silent)
    tag = chosen.ref.rpartition(":")[2]
    assert f"/v2/team/tool/manifests/{tag}" in kept
    later = RecipeImages(None, tmp_path / "empty")
    again = await later.choose(IMAGE, tmp_path, mode="auto", recorded=chosen, override=None)
    assert again == chosen
    assert await later.provide(again, folder, silent) == ""
