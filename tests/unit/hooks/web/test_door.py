"""The proof of an application behind Kong: what is asked, by each client that an image may have."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from skill_runner.hooks.web.door import SCRIPT, _token
from tests.skills.kong.image.stand_in import gateway as played
from tests.skills.kong.image.stand_in.model import Gateway


class Upstream(BaseHTTPRequestHandler):
    """Says what it was asked for."""

    seen: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("apikey")))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def upstream() -> Iterator[int]:
    Upstream.seen = []
    yield from _served(Upstream)


@pytest.fixture
def port(upstream: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A gateway's proxy before it."""
    monkeypatch.setattr(played, "GATEWAY", Gateway())
    _configure(upstream, "key-auth")
    yield from _served(played.Proxy)


def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def _configure(upstream: int, auth: str) -> None:
    plugins = [
        {"name": auth, "id": "1", "config": {}},
        {"name": "acl", "id": "2", "config": {"allow": ["web.site"]}},
        {"name": "rate-limiting", "id": "3", "config": {"minute": 60}},
    ]
    route = {
        "name": "r",
        "id": "r",
        "hosts": ["a.example"],
        "paths": ["/api/", "~/api$"],
        "strip_path": True,
        "plugins": plugins,
    }
    service = {"name": "s", "id": "s", "host": "127.0.0.1", "port": upstream, "routes": [route]}
    ours = {
        "username": "web.site",
        "acls": [{"group": "web.site"}],
        "keyauth_credentials": [{"key": "right"}],
        "jwt_secrets": [{"key": "web.site", "secret": "s3", "algorithm": "HS256"}],
    }
    theirs = {
        "username": "web.other",
        "acls": [{"group": "web.other"}],
        "keyauth_credentials": [{"key": "other"}],
    }
    config = {"services": [service], "consumers": [ours, theirs]}
    assert played.GATEWAY.load(json.dumps(config).encode(), check_hash=False)[0] == 201


def ask(port: int, path: Path, **given: str) -> list[str]:
    """The script's lines, on a PATH of its own."""
    env = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SITE": "a.example",
        "ASKED": "/api/lessons",
        "GUARDED": "yes",
        "WRONG": "wrong",
        "HEADER": "apikey",
        "PREFIX": "",
        "KEY": "right",
        "WANTED": "401 401 200 ",
        "PATIENCE": "0",
        **given,
    }
    done = subprocess.run(
        ["/bin/sh", "-c", SCRIPT],
        env={**env, "PATH": str(path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


@pytest.fixture(params=["node", "python3", "bash"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A PATH with one of the clients, and what every image has."""
    name = request.param
    client = sys.executable if name == "python3" else shutil.which(name)
    if client is None:
        pytest.skip(f"no {name} on this machine")
    (tmp_path / name).symlink_to(os.path.realpath(client))
    return _with_tools(tmp_path)


def _with_tools(path: Path) -> Path:
    for name in ("date", "cut", "tr", "sleep"):
        (path / name).symlink_to(os.path.realpath(str(shutil.which(name))))
    return path


def test_each_client_is_refused_and_let_in(port: int, path: Path) -> None:
    assert ask(port, path) == ["none 401 -", "wrong 401 -", "right 200 60"]
    assert [asked for asked, _ in Upstream.seen] == ["/lessons"]


def test_the_key_of_another_application_is_refused(port: int, path: Path) -> None:
    assert ask(port, path, KEY="other")[-1] == "right 403 -"


def test_a_token_is_let_in_while_it_is_valid(port: int, path: Path, upstream: int) -> None:
    _configure(upstream, "jwt")
    given = {"HEADER": "Authorization", "PREFIX": "Bearer "}
    now = int(time.time())
    for expires, status in ((now + 60, "200"), (now - 60, "401")):
        token = _token("web.site", "s3", expires)
        assert ask(port, path, KEY=token, **given)[-1].split()[1] == status
    forged = _token("web.site", "another secret", now + 60)
    assert ask(port, path, KEY=forged, **given)[-1].split()[1] == "401"


def test_an_image_without_a_client_says_so(port: int, tmp_path: Path) -> None:
    assert ask(port, _with_tools(tmp_path), GUARDED="no") == ["right SKIPPED"]
