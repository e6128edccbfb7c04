"""What the proof's pod asks: until the answers are right, and not for ever."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from skill_runner.hooks.web.inside import SCRIPT
from skill_runner.hooks.web.outside import MISSING


@contextmanager
def site(wrong: int) -> Iterator[str]:
    """A site at /manual/, which a server of another version answers for so many requests."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            found = len(asked) > wrong and self.path == "/manual/"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def statuses(host: str, patience: int) -> list[str]:
    paths = f"/manual/ /manual{MISSING}"
    env = {**os.environ, "HOST": host, "PATHS": paths, "PATIENCE": str(patience)}
    said = subprocess.run(["sh", "-c", SCRIPT], env=env, text=True, capture_output=True, check=True)
    return [line.split()[1] for line in said.stdout.splitlines() if line.startswith("STATUS")]


def test_a_pod_of_the_version_before_is_asked_past() -> None:
    with site(wrong=2) as host:
        assert statuses(host, patience=300) == ["200", "404"]


def test_what_stays_wrong_is_told() -> None:
    with site(wrong=1000) as host:
        assert statuses(host, patience=1) == ["404", "404"]
