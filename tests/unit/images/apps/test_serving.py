"""What serves FastAPI applications: an end that sends clients on before it comes."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from skill_runner.images.apps.fastapi import SERVING
from skill_runner.skill.shipped import shipped
from tests.unit.images.apps.test_front import free_port

FILE = shipped("templates") / "fastapi-service" / "service" / "serving.py"
APPLICATION = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
"""
# As it is called in an image, but for the seconds in which it sends clients on.
START = """
import runpy, sys, threading
Timer, wait = threading.Timer, float(sys.argv.pop(1))
threading.Timer = lambda seconds, *more: Timer(wait, *more)
sys.argv[0] = sys.argv.pop(1)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@contextmanager
def serving(folder: Path, port: int, *, drain: float) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "main.py").write_text(APPLICATION)
    (folder / SERVING).write_text(FILE.read_text())
    server = subprocess.Popen(
        [sys.executable, "-c", START, str(drain), str(folder / SERVING), "main:app", str(port)],
        cwd=folder,
        stderr=subprocess.PIPE,
    )
    try:
        assert server.stderr is not None
        while b"running on" not in (line := server.stderr.readline()):
            assert line, "it ended"
        yield server
    finally:
        server.kill()
        server.communicate()


def answer(client: http.client.HTTPConnection) -> tuple[int, str | None]:
    """The status of one answer, and what it says of the connection."""
    client.request("GET", "/")
    response = client.getresponse()
    response.read()
    return response.status, response.getheader("connection")


def test_who_keeps_a_connection_is_sent_on_before_the_server_ends(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, port, drain=1) as server:
        kept = http.client.HTTPConnection("127.0.0.1", port)
        assert answer(kept) == (200, None)
        server.send_signal(signal.SIGTERM)
        while (said := answer(kept)) == (200, None):
            pass  # the signal is on its way
        assert said == (200, "close")
        new = http.client.HTTPConnection("127.0.0.1", port)
        assert answer(new) == (200, "close")
        assert server.wait(60) in (0, -signal.SIGTERM)
        with pytest.raises(ConnectionRefusedError):
            answer(http.client.HTTPConnection("127.0.0.1", port))


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, port, drain=3600) as server:
        server.send_signal(signal.SIGTERM)
        while answer(http.client.HTTPConnection("127.0.0.1", port)) == (200, None):
            pass
        server.send_signal(signal.SIGINT)
        assert server.wait(60) in (0, -signal.SIGTERM, -signal.SIGINT)
