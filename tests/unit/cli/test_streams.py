"""Readers that go away and terminals that close, in the middle of a run in a real process."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from tests.support.inmemory import BLOCKING_HOOKS, NAME, write_gated_skill
from tests.support.paths import ROOT

pytestmark = pytest.mark.heavy

SAID = "in the hook"


@dataclass
class Stand:
    """Where one run's files are, and how it is started and let go on."""

    folder: Path

    def start(self, output: str, prefix: str = "", redirect: str = "", **more: Any) -> Any:
        """`skill run -o OUTPUT`, through a shell that adds `prefix` and `redirect`."""
        command = f'{prefix} "$0" -m tests.support.inmemory run {NAME} -o {output} {redirect}'
        env = {
            **os.environ,
            "SKILL_STATE_DIR": str(self.folder),
            "GATE": str(self.gate),
            "SKILL_PATH": str(self.folder / "skills"),
            "LEFT": str(self.folder / "left"),
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}" if not prefix else command, sys.executable],
            text=True,
            env=env,
            **{
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **more,
            },
        )

    @property
    def gate(self) -> Path:
        return self.folder / "gate"

    def go_on(self) -> None:
        self.gate.write_text("x")

    def outcome(self) -> dict[str, Any]:
        """What is in the folder of the only run."""
        (file,) = self.folder.glob("runs/*/outcome.json")
        document: dict[str, Any] = json.loads(file.read_text())
        return document

    def left(self) -> list[str]:
        """The kinds of the objects in the cluster when the process ended."""
        kinds: list[str] = json.loads((self.folder / "left").read_text())
        return kinds


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    write_gated_skill(tmp_path / "skills")
    os.mkfifo(tmp_path / "gate")
    return Stand(tmp_path)


def until(lines: IO[str], words: str) -> None:
    """Read lines until one has the words."""
    seen = []
    for line in lines:
        seen.append(line)
        if words in line:
            return
    raise AssertionError(f"it never said {words!r}: {seen}")


def ready(stand: Stand) -> None:
    """The run went to its end, and gave its lock back."""
    outcome = stand.outcome()
    assert (outcome["status"], outcome["exit_code"]) == ("ready", 0)
    assert [step["status"] for step in outcome["steps"]] == ["done", "done"]
    assert outcome["steps"][-1]["message"] == "went on"
    assert "Lease" not in stand.left()
    assert "ConfigMap" in stand.left()


@pytest.mark.parametrize("output", ["jsonl", "text"])
def test_a_reader_of_stdout_that_goes_away_does_not_end_the_run(stand: Stand, output: str) -> None:
    child = stand.start(output)
    until(child.stdout if output == "jsonl" else child.stderr, SAID)
    child.stdout.close()
    stand.go_on()
    assert child.stderr.read().count("Traceback") == 0
    child.stderr.close()
    assert child.wait(60) == 0
    ready(stand)


def test_a_reader_of_both_streams_that_goes_away_does_not_end_the_run(stand: Stand) -> None:
    child = stand.start("text", redirect="2>&1", stderr=None)
    until(child.stdout, SAID)
    child.stdout.close()
    stand.go_on()
    assert child.wait(60) == 0
    ready(stand)


@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_streams_that_were_never_open(stand: Stand, redirect: str) -> None:
    child = stand.start("json", redirect=redirect)
    stand.go_on()
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    ready(stand)
    assert out == "" if ">&-" in redirect.split() else json.loads(out) == stand.outcome()


@pytest.mark.parametrize("output", ["jsonl", "text"])
def test_a_full_disk_is_told_by_the_exit_code(stand: Stand, output: str) -> None:
    child = stand.start(output, redirect=">/dev/full")
    stand.go_on()
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "error: standard output cannot be written: No space left on device" in errors
    ready(stand)


def test_words_that_the_stream_cannot_encode_are_escaped(stand: Stand) -> None:
    child = stand.start("jsonl", prefix="PYTHONIOENCODING=ascii")
    stand.go_on()
    out, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    titles = [json.loads(line).get("title", "") for line in out.splitlines()]
    assert "hook act" in titles
    ready(stand)


def test_a_hook_that_blocks_its_thread_does_not_keep_the_process(stand: Stand) -> None:
    (stand.folder / "skills" / NAME / "hooks.py").write_text(BLOCKING_HOOKS)
    child = stand.start("json")
    until(child.stderr, SAID)
    child.send_signal(signal.SIGTERM)
    out, errors = child.communicate(timeout=60)
    assert child.returncode == 130, errors
    assert json.loads(out) == stand.outcome()
    assert "Lease" not in stand.left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_that_ends_has_an_outcome_and_gives_the_lock_back(
    stand: Stand, number: signal.Signals
) -> None:
    child = stand.start("json")
    until(child.stderr, SAID)
    child.send_signal(number)
    out, errors = child.communicate(timeout=60)
    assert child.returncode == 130, errors
    document = json.loads(out)
    assert document == stand.outcome()
    assert (document["status"], document["changed"]) == ("interrupted", True)
    assert document["problem"]["cause"] == f"interrupted by {number.name}"
    assert [step["status"] for step in document["steps"]] == ["done", "interrupted"]
    assert "Lease" not in stand.left()


def test_under_nohup_a_closed_terminal_ends_nothing(stand: Stand) -> None:
    child = stand.start("json", prefix="exec nohup")
    until(child.stderr, SAID)
    child.send_signal(signal.SIGHUP)
    stand.go_on()
    out, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    assert json.loads(out) == stand.outcome()
    ready(stand)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, its = pty.openpty()
    yield ours, its
    os.close(its)


def test_a_terminal_that_closes_interrupts_the_run(stand: Stand, terminal: tuple[int, int]) -> None:
    ours, its = terminal

    def take() -> None:
        fcntl.ioctl(its, termios.TIOCSCTTY, 0)

    child = stand.start(
        "text", stdin=its, stdout=its, stderr=its, start_new_session=True, preexec_fn=take
    )
    seen = b""
    while SAID.encode() not in seen:
        seen += os.read(ours, 4096)
    os.close(ours)  # the kernel sends SIGHUP, and every further write fails with EIO
    assert child.wait(60) == 130
    outcome = stand.outcome()
    assert (outcome["status"], outcome["exit_code"]) == ("interrupted", 130)
    assert outcome["problem"]["cause"] == "interrupted by SIGHUP"
    assert "Lease" not in stand.left()
