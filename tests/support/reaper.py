"""Take a test's cluster down when the process of the tests ends, however it ends.

A cluster outlives whoever starts it, so tests that are killed, or stopped by a time limit, would
leave one behind, with some twenty of the machine's inotify instances. A process of its own waits
for the end of a pipe that only the tests hold.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.paths import ROOT


@contextmanager
def reaped(name: str) -> Iterator[None]:
    """While inside, the embedded cluster `name` may run; afterwards it does not."""
    waiting = subprocess.Popen(
        [sys.executable, "-m", "tests.support.reaper", name],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    assert waiting.stdin is not None
    try:
        yield
    finally:
        waiting.stdin.close()
        assert waiting.wait() == 0, f"cluster {name} could not be taken down"


def main() -> int:
    sys.stdin.read()
    skill = [sys.executable, "-m", "skill_runner", "cluster", "down", "--name", sys.argv[1]]
    return subprocess.run(skill, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
