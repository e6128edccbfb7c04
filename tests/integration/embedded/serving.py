"""Web servers on this machine for pods and pulls to reach: fixed answers, a small registry."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.support.testimage import busybox_archive


def own_address() -> str:
    """An address of this machine other than loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


class serving:  # noqa: N801  used as a function
    """Serve fixed answers on an address of this machine; a context manager that gives the port."""

    def __init__(self, answers: dict[str, bytes], address: str) -> None:
        self.proxied = hosts = set[str]()
        """The hosts that were asked for through this server as a proxy; "" for itself."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                # A client that takes this server for its proxy asks for a whole address.
                asked = urlsplit(self.path)
                hosts.add(asked.netloc)
                body = answers.get(asked.path)
                self.send_response(404 if body is None else 200)
                if "/manifests/" in self.path:
                    self.send_header("Content-Type", MANIFEST)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body or b"")

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        self._server = ThreadingHTTPServer((address, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> int:
        self._thread.start()
        return self._server.server_port

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def registry(repository: str, tag: str) -> dict[str, bytes]:
    """The test image as a registry's answers (the reading half of the distribution protocol)."""
    with tarfile.open(fileobj=io.BytesIO(busybox_archive())) as archive:
        blobs = {
            name: file.read()
            for name in ("config.json", "layer.tar")
            if (file := archive.extractfile(name))
        }
    config, layer = blobs["config.json"], blobs["layer.tar"]
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
        }
    ).encode()
    root = f"/v2/{repository}"
    blobs = {f"{root}/blobs/{_digest(blob)}": blob for blob in (config, layer)}
    names = {f"{root}/manifests/{name}": manifest for name in (tag, _digest(manifest))}
    return {"/v2/": b"{}", **names, **blobs}


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
