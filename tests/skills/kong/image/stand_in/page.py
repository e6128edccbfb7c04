"""An application of the tests: one page, on the port that the variable PORT names."""

from __future__ import annotations

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!doctype html><title>Lessons</title><h1>Lessons</h1>"
PATHS = ("/", "/api/health")


class Page(BaseHTTPRequestHandler):
    """The page, its health, and a 404 for anything else."""

    def do_GET(self) -> None:
        there = self.path in PATHS
        self.send_response(200 if there else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(PAGE if there else b"not here")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Page).serve_forever()


if __name__ == "__main__":
    main()
