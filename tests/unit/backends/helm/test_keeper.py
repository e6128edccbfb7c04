"""A helm that writes ends with the lock of its run, whatever became of the run's own process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from skill_runner.backends.base import Target
from skill_runner.backends.helm.command import HelmCommand
from skill_runner.errors import HelmError
from skill_runner.installations.heartbeat import Lifeline
from tests.unit.backends.helm.test_command import script

TARGET = Target("/etc/kube", "prod", "https://example.invalid")
RUNNER = """
import asyncio, sys
from skill_runner.backends.base import Target
from skill_runner.backends.helm.command import HelmCommand
from skill_runner.installations.heartbeat import Lifeline

lifeline = Lifeline()
lifeline.extend(float(sys.argv[2]))
target = Target("/etc/kube", "prod", "https://example.invalid")
asyncio.run(HelmCommand(sys.argv[1], target, lifeline=lifeline).run(["upgrade"]))
"""


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A FIFO that a helm writes to."""
    path = tmp_path / "words"
    os.mkfifo(path)
    os.mkfifo(tmp_path / "silent")
    return path


def telling(tmp_path: Path, words: Path, then: str) -> str:
    """A helm that tells when it is up, and when it gets SIGTERM, and does `then`."""
    wait = f"exec 3<>{tmp_path}/silent; while :; do read line <&3; done"
    return script(tmp_path, f"trap 'echo told > {words}; {then}' TERM; echo up > {words}; {wait}")


async def test_what_it_says_and_how_it_ends_is_helms(tmp_path: Path) -> None:
    lifeline = Lifeline()
    lifeline.extend(3600)
    helm = script(tmp_path, 'cat; echo "$@" >&2; exit $(( $# - 3 ))')
    lines: list[str] = []
    command = HelmCommand(helm, TARGET, lifeline=lifeline, on_line=lines.append)
    assert json.loads(await command.run(["upgrade"], b'{"a": 1}')) == {"a": 1}
    assert lines == ["upgrade --kube-context prod"]
    with pytest.raises(HelmError):
        await command.run(["upgrade", "x"])


@pytest.mark.parametrize("then", ["exit 3", ":"])
async def test_the_end_of_its_lifeline_ends_it(tmp_path: Path, words: Path, then: str) -> None:
    """In order where it listens, and by SIGKILL where it does not."""
    lifeline = Lifeline()
    lifeline.extend(3600)
    command = HelmCommand(telling(tmp_path, words, then), TARGET, lifeline=lifeline, grace=0.2)
    task = asyncio.ensure_future(command.run(["upgrade"]))
    assert await asyncio.to_thread(words.read_text) == "up\n"
    lifeline.extend(0)
    assert await asyncio.to_thread(words.read_text) == "told\n"
    with pytest.raises(HelmError):
        await task


@pytest.mark.parametrize(("number", "seconds"), [(signal.SIGSTOP, "1"), (signal.SIGKILL, "3600")])
def test_a_run_that_stands_still_or_is_dead_leaves_no_helm_at_work(
    tmp_path: Path, words: Path, number: signal.Signals, seconds: str
) -> None:
    helm = telling(tmp_path, words, "exit 3")
    with subprocess.Popen([sys.executable, "-c", RUNNER, helm, seconds]) as runner:
        assert words.read_text() == "up\n"
        runner.send_signal(number)
        assert words.read_text() == "told\n"
        runner.kill()


async def test_what_only_reads_needs_no_keeper(tmp_path: Path) -> None:
    lifeline = Lifeline()  # at its end from the beginning
    helm = script(tmp_path, "echo rendered")
    command = HelmCommand(helm, TARGET, lifeline=lifeline)
    assert await command.run(["template"]) == b"rendered\n"
