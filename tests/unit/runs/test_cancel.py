"""Real processes that end when they are asked, when they are asked again, or not at all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from skill_runner.backends.clock import SystemClock
from skill_runner.errors import Refused
from skill_runner.progress import Changing
from skill_runner.runs import cancel, detached
from skill_runner.runs.folder import Run, start_run
from skill_runner.runs.process import Holder
from tests.unit.runs.test_detached import dead

NOW = 1_700_000_000.0
OBEDIENT = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("here", flush=True)
while True:
    signal.pause()
"""
SLOW = """
import signal, sys
asked = 0
def ask(*_):
    global asked
    asked += 1
    print("asked", flush=True)
    if asked == 2:
        sys.exit(0)
signal.signal(signal.SIGTERM, ask)
print("here", flush=True)
while True:
    signal.pause()
"""
# Deaf, with a child of the same kind in a session of its own; both hold the pipe open.
DEAF = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) > 1:
    subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True)
else:
    print("here", flush=True)
while True:
    signal.pause()
"""


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path))


class Process:
    """A program that is a run's; `here` once it, or its child, says so."""

    def __init__(self, program: str, *arguments: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.child.stdout is not None
        self.said = self.child.stdout
        self.run: Run = start_run("echo", now=NOW)
        self.run.introduce("run", "echo", "echo", Holder.of(self.child.pid))
        assert self.said.readline() == "here\n"

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.child.kill()
        self.child.wait()
        self.said.close()


@pytest.fixture
def made() -> Iterator[list[Process]]:
    processes: list[Process] = []
    yield processes
    for each in processes:
        each.close()


async def test_a_run_that_is_asked_ends(made: list[Process]) -> None:
    made.append(Process(OBEDIENT))
    assert await cancel.end(made[0].run.id, SystemClock()) == "ended"
    assert made[0].child.wait() == 0
    assert await cancel.end(made[0].run.id, SystemClock()) == "over"


async def test_a_run_that_was_stopped_is_woken_to_end(made: list[Process]) -> None:
    made.append(Process(OBEDIENT))
    made[0].child.send_signal(signal.SIGSTOP)
    assert await cancel.end(made[0].run.id, SystemClock()) == "ended"


class Turns:
    """A clock whose time passes each time the run says something, or ends."""

    def __init__(self, process: Process) -> None:
        self._process, self._turns = process, 0.0

    def monotonic(self) -> float:
        return self._turns

    uptime = now = monotonic

    async def sleep(self, seconds: float) -> None:
        if self._process.said.readline() == "asked\n" and self._turns:
            self._process.child.wait()
        self._turns += 1000


async def test_a_run_that_is_slow_is_asked_again(made: list[Process]) -> None:
    made.append(Process(SLOW))
    assert await cancel.end(made[0].run.id, Turns(made[0])) == "hurried"


async def test_a_run_that_is_deaf_is_killed_with_all_that_it_started(made: list[Process]) -> None:
    made.append(Process(DEAF, DEAF))
    run = made[0].run
    run.event(Changing("web/echo"), NOW)
    assert await cancel.end(run.id, SystemClock(), grace=0, haste=0) == "killed"
    assert made[0].said.read() == ""  # nobody holds the pipe: the child's child is gone, too
    assert made[0].child.wait() == -signal.SIGKILL
    document = detached.look(run.id)
    assert (document["status"], document["exit_code"]) == ("interrupted", 130)
    assert document["changed"] is True
    assert "was killed" in document["problem"]["cause"]
    assert "takes it over" in document["notes"][0]
    assert json.loads((run.folder / "outcome.json").read_text()) == document
    assert cancel.told(run.id, "killed")["changed"] is True


async def test_a_run_elsewhere_is_not_ended_from_here() -> None:
    run = start_run("echo", now=NOW)
    run.introduce("run", "echo", "echo", Holder("elsewhere", 7, 7, "realm", "token"))
    with pytest.raises(Refused, match="process 7 on elsewhere, which cannot be ended from here"):
        await cancel.end(run.id, SystemClock())


async def test_a_run_that_was_killed_by_others_is_over() -> None:
    run = start_run("echo", now=NOW)
    run.introduce("run", "echo", "echo", dead())
    assert await cancel.end(run.id, SystemClock()) == "over"


@pytest.mark.parametrize("how", ["over", "ended", "hurried", "killed"])
def test_every_end_has_words(how: cancel.Ended) -> None:
    run = start_run("echo", now=NOW)
    run.introduce("run", "echo", "echo", dead())
    assert cancel.in_words(cancel.told(run.id, how)).startswith(run.id)
