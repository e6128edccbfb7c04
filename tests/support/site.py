"""A site on this machine for the proofs: paths and what they answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, str, str]  # status, content type, body
HTML = "text/html; charset=utf-8"


@contextmanager
def serve(answers: Mapping[str, Answer]) -> Iterator[str]:
    """The address of a server that gives these answers, and 404 for all else."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            status, kind, body = answers.get(path, (404, HTML, "<h1>Not here</h1>"))
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", body)
                body = ""
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def page(body: str, head: str = "") -> Answer:
    return 200, HTML, f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"
