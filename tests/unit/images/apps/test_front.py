"""What is put before Next's server: assets of other versions, and an end that sends clients on."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from skill_runner.images.apps.layout import shipped_file

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="no Node on this machine")

PEERS = "shop-peers.web.svc"
# Stands in for Next's server: serves its own assets, and 404 for all else.
SERVER = """
const http = require('http'), fs = require('fs'), path = require('path');
http.createServer((request, response) => {
  const name = request.url.split('?')[0].split('/_next/static/')[1] ?? '-';
  const file = path.join('.next/static', name);
  if (!name.includes('..') && fs.existsSync(file)) return response.end(fs.readFileSync(file));
  response.statusCode = request.url === '/' ? 200 : 404;
  response.end('next');
}).listen(Number(process.env.PORT), process.env.POD_IP, () => console.log('listening'));
"""

# Stands in for the cluster's DNS: names and addresses from a file.
NAMES = """
const fs = require('fs');
require('dns').promises.lookup = async (name) => {
  const found = JSON.parse(fs.readFileSync('names.json', 'utf8'))[name];
  if (!found) throw new Error(`ENOTFOUND ${name}`);
  return found.map((address) => ({ address }));
};
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def pod(
    folder: Path, address: str, port: int, names: Mapping[str, Sequence[str]], **environ: str
) -> Iterator[subprocess.Popen[str]]:
    """A pod's process; `names` are what the cluster's DNS tells it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "names.cjs").write_text(NAMES)
    (folder / "names.json").write_text(json.dumps(names))
    (folder / "server.js").write_text(SERVER)
    (folder / "front.cjs").write_text(shipped_file("next-front.cjs"))
    (folder / ".next/static").mkdir(parents=True, exist_ok=True)
    child = subprocess.Popen(
        ["node", "-r", "./names.cjs", "-r", "./front.cjs", "server.js"],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        env={
            "PATH": os.environ["PATH"],
            "PORT": str(port),
            "POD_IP": address,
            "PEERS": PEERS,
            "KEPT_ASSETS": str(folder / "kept"),
            "DRAIN_SECONDS": "0.3",
            **environ,
        },
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "listening\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def get(
    address: str, port: int, path: str, *, source: str = "", **headers: str
) -> tuple[int, str, dict[str, str]]:
    own = (source, 0) if source else None
    connection = http.client.HTTPConnection(address, port, timeout=20, source_address=own)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


def asset(folder: Path, name: str, text: str) -> None:
    path = folder / ".next" / "static" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_pods_serve_each_others_assets_and_keep_them(tmp_path: Path) -> None:
    port, old, new = free_port(), tmp_path / "old", tmp_path / "new"
    asset(old, "chunks/one.js", "first")
    asset(new, "chunks/two.css", "second")
    with (
        pod(old, "127.0.0.2", port, {PEERS: ["127.0.0.2", "127.0.0.3"]}) as before,
        pod(new, "127.0.0.3", port, {PEERS: ["127.0.0.2", "127.0.0.3"]}),
    ):
        status, text, headers = get("127.0.0.3", port, "/_next/static/chunks/one.js?dpl=1")
        assert (status, text) == (200, "first")
        assert headers["Content-Type"].startswith("application/javascript")
        assert "immutable" in headers["Cache-Control"]
        assert get("127.0.0.2", port, "/_next/static/chunks/two.css")[:2] == (200, "second")
        before.kill()
        before.wait()
        assert get("127.0.0.3", port, "/_next/static/chunks/one.js")[:2] == (200, "first")


def test_a_new_pod_is_known_before_the_names_of_all_are_looked_up_again(tmp_path: Path) -> None:
    port, old, new = free_port(), tmp_path / "old", tmp_path / "new"
    asset(new, "chunks/two.css", "second")
    stale = {PEERS: ["127.0.0.2"]}
    with (
        pod(old, "127.0.0.2", port, {**stale, f"127-0-0-3.{PEERS}": ["127.0.0.3"]}),
        pod(new, "127.0.0.3", port, stale),
    ):
        tries = (get("127.0.0.2", port, "/_next/static/chunks/two.css") for _ in range(1000))
        assert any(answer[:2] == (200, "second") for answer in tries)


def test_who_only_says_to_be_a_pod_is_not_asked(tmp_path: Path) -> None:
    port, liar = free_port(), tmp_path / "liar"
    asset(liar, "evil.js", "steal()")
    with (
        pod(tmp_path / "only", "127.0.0.2", port, {PEERS: ["127.0.0.2"]}),
        pod(liar, "127.0.0.3", port, {}),
    ):
        mark = {"x-skill-peer": "1"}
        listed = get("127.0.0.2", port, "/_skill/assets", source="127.0.0.3", **mark)
        assert listed[:2] == (200, "[]")
        assert get("127.0.0.3", port, "/_next/static/evil.js")[:2] == (200, "steal()")
        assert get("127.0.0.2", port, "/_next/static/evil.js")[:2] == (404, "next")


def test_names_that_nobody_has_reach_no_peer(tmp_path: Path) -> None:
    """A peer is asked for its list, which serves every request that waits, and for no asset."""
    port = free_port()
    names = {PEERS: ["127.0.0.2", "127.0.0.3"]}
    asked: list[str] = []

    class Peer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *words: object) -> None:
            pass

    with (
        ThreadingHTTPServer(("127.0.0.3", port), Peer) as peer,
        pod(tmp_path / "only", "127.0.0.2", port, names),
        ThreadPoolExecutor(50) as clients,
    ):
        serving = threading.Thread(target=peer.serve_forever)
        serving.start()
        paths = [f"/_next/static/unknown-{number}.js" for number in range(50)]
        answers = list(clients.map(lambda path: get("127.0.0.2", port, path)[0], paths))
        peer.shutdown()
        serving.join()
    assert answers == [404] * 50
    assert set(asked) == {"/_skill/assets"}
    assert len(asked) < 50


def test_copies_are_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    port, old, new = free_port(), tmp_path / "old", tmp_path / "new"
    names = {PEERS: ["127.0.0.2", "127.0.0.3"]}
    with pod(old, "127.0.0.2", port, names), pod(new, "127.0.0.3", port, names, KEPT_BYTES="100"):
        for name in "abcd":
            asset(old, f"{name}.js", name * 40)
            path = f"/_next/static/{name}.js"
            assert get("127.0.0.3", port, path)[:2] == (200, name * 40)
        asset(old, "large.js", "x" * 101)
        assert get("127.0.0.3", port, "/_next/static/large.js")[:2] == (404, "next")
        kept = sorted(each.name for each in (new / "kept/kept-assets").iterdir())
    assert kept == ["c.js", "d.js"]


def test_a_folder_of_assets_is_no_asset(tmp_path: Path) -> None:
    port, old = free_port(), tmp_path / "old"
    asset(old, "build-one/manifest.js", "first")
    names = {PEERS: ["127.0.0.2", "127.0.0.3"]}
    with pod(old, "127.0.0.2", port, names), pod(tmp_path / "new", "127.0.0.3", port, names):
        assert get("127.0.0.3", port, "/_next/static/build-one/manifest.js")[1] == "first"
        assert get("127.0.0.3", port, "/_next/static/build-one")[:2] == (404, "next")


@pytest.mark.parametrize(
    "path",
    [
        "/_next/static/none.js",
        "/_next/static/../../server.js",
        "/_next/static/%2e%2e/%2e%2e/x",
        "/_next/static/%ZZ",
        "/_skill/assets",
        "/other",
    ],
)
def test_all_else_is_left_to_next(tmp_path: Path, path: str) -> None:
    port = free_port()
    with pod(tmp_path / "only", "127.0.0.2", port, {}):
        assert get("127.0.0.2", port, path)[:2] == (404, "next")


def test_the_end_sends_clients_on_and_then_comes(tmp_path: Path) -> None:
    port = free_port()
    with pod(tmp_path / "only", "127.0.0.2", port, {}) as child:
        connection = http.client.HTTPConnection("127.0.0.2", port, timeout=20)
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        assert answer.headers["Connection"] == "keep-alive"
        child.send_signal(signal.SIGTERM)
        while answer.headers["Connection"] != "close":
            connection.request("GET", "/")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"next")
        connection.close()
        assert child.wait(timeout=20) == 0
