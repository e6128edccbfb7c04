"""What becomes of a worker whose call is cancelled, or whose client or server goes away.

Real servers and real workers, whose API server takes the connection and never says a word.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from skill_runner.agents.permissions import Permits
from skill_runner.agents.server import Agents, make_server
from skill_runner.backends.clock import SystemClock
from skill_runner.runs import detached
from skill_runner.runs.folder import runs_folder
from skill_runner.skill.library import PATH_VARIABLE, Library
from tests.support.paths import SKILLS
from tests.unit.agents.test_permissions import no_records

pytestmark = pytest.mark.heavy


class Silence:
    """An API server without a word: `worker` waits until a worker has connected; its run's id."""

    def __init__(self, folder: Path) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(60)
        self.kubeconfig = folder / "config"
        config = {
            "clusters": [{"name": "s", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "s", "user": {}}],
            "contexts": [{"name": "kind-silent", "context": {"cluster": "s", "user": "s"}}],
            "current-context": "kind-silent",
        }
        self.kubeconfig.write_text(json.dumps(config))
        self.kept: list[socket.socket] = []

    @property
    def port(self) -> int:
        return int(self.server.getsockname()[1])

    def worker(self) -> str:
        self.kept.append(self.server.accept()[0])
        (run,) = runs_folder().iterdir()
        return run.name

    def close(self) -> None:
        for each in (*self.kept, self.server):
            each.close()


@pytest.fixture
def silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Silence]:
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv(PATH_VARIABLE, str(SKILLS))
    made = Silence(tmp_path)
    yield made
    made.close()


async def ended(run: str) -> dict[str, Any]:
    """The outcome of a run that somebody ended."""
    document = await detached.wait(run, 60, SystemClock())
    assert (document["status"], document["exit_code"]) == ("interrupted", 130)
    assert document["problem"]["cause"] == "interrupted by SIGTERM"
    return document


async def test_a_call_that_is_cancelled_ends_its_worker(silence: Silence) -> None:
    agents = Agents(
        library=Library([SKILLS]),
        permits=Permits(),
        clock=SystemClock(),
        records=no_records,
        connection=(f"--kubeconfig={silence.kubeconfig}",),
    )
    async with Client(make_server(agents)) as agent:
        call = asyncio.ensure_future(agent.call_tool("plan", {"skill": "echo"}))
        run = await asyncio.to_thread(silence.worker)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await ended(run)


class Server:
    """`skill mcp` as a client starts it, and what it is asked, line by line."""

    def __init__(self, kubeconfig: Path) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "skill_runner", "mcp", f"--kubeconfig={kubeconfig}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(os.environ),
        )
        hello = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        }
        self.number = 0
        self.answer(self.ask("initialize", hello))
        self.say({"method": "notifications/initialized"})

    def say(self, message: dict[str, Any]) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.child.stdin.flush()

    def ask(self, method: str, params: dict[str, Any]) -> int:
        self.number += 1
        self.say({"id": self.number, "method": method, "params": params})
        return self.number

    def answer(self, number: int) -> dict[str, Any]:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            message: dict[str, Any] = json.loads(line)
            if message.get("id") == number:
                return message
        raise AssertionError("the server ended")

    def call(self, tool: str, **arguments: Any) -> int:
        return self.ask("tools/call", {"name": tool, "arguments": arguments})

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            assert pipe is not None
            pipe.close()


def hang_up(server: Server) -> None:
    assert server.child.stdin is not None
    server.child.stdin.close()


def kill(server: Server) -> None:
    server.child.send_signal(signal.SIGKILL)


@pytest.fixture
def server(silence: Silence) -> Iterator[Server]:
    made = Server(silence.kubeconfig)
    yield made
    made.close()


@pytest.mark.parametrize("go", [hang_up, kill])
async def test_a_client_or_server_that_goes_away_ends_the_worker_that_is_waited_for(
    silence: Silence, server: Server, go: Callable[[Server], None]
) -> None:
    server.call("plan", skill="echo")
    run = silence.worker()
    go(server)
    await ended(run)


async def test_a_run_whose_id_was_told_goes_on_until_it_is_cancelled(
    silence: Silence, server: Server
) -> None:
    answer = server.answer(server.call("run", skill="echo", wait_seconds=0))
    told = answer["result"]["structuredContent"]
    run = silence.worker()
    assert (told["run"], told["status"]) == (run, "running")
    kill(server)
    server.child.wait()
    assert detached.look(run)["status"] == "running"
    cancel = [sys.executable, "-m", "skill_runner", "cancel", run, "-o", "json"]
    said = await asyncio.to_thread(subprocess.check_output, cancel, text=True)
    assert json.loads(said) == {
        "run": run,
        "ended": "ended",
        "status": "interrupted",
        "changed": False,
        "installation": "echo",
    }
    await ended(run)
