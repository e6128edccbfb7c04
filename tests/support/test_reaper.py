"""The cluster of tests that are killed is taken down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

TESTS = """
import sys
from tests.support.reaper import reaped
with reaped("no-such-cluster"):
    print("inside", flush=True)
    sys.stdin.read()
"""


def test_it_goes_even_when_the_tests_are_killed(tmp_path: Path) -> None:
    running, told = os.pipe()
    tests = subprocess.Popen(
        [sys.executable, "-c", TESTS],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=told,
        stderr=told,
        env={**os.environ, "SKILL_STATE_DIR": str(tmp_path)},
    )
    os.close(told)
    with os.fdopen(running) as said:  # it ends when the reaper, which has it too, is done
        assert said.readline() == "inside\n"
        os.kill(tests.pid, signal.SIGKILL)
        assert "no-such-cluster" in said.read()
    tests.communicate()
