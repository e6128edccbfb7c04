"""Kill a process and all that it started, so that nothing of it is left."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def kill_tree(root: int) -> None:
    """Stop a process and all below it first, so that none makes another meanwhile; then kill.

    `root` may be this process. What left the family for good (a daemon) is not found.
    """
    found = [root]
    _stop(root)
    while more := _below(found):
        found += more
        for pid in more:
            _stop(pid)
    for pid in reversed(found):  # this process, where it is the root, is the last
        _send(pid, signal.SIGKILL)


def _stop(pid: int) -> None:
    if pid != os.getpid():
        _send(pid, signal.SIGSTOP)


def _below(known: list[int]) -> list[int]:
    """Processes whose parent is known, and those of a known leader's session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        with suppress(OSError, IndexError, ValueError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parent, session = int(fields[1]), int(fields[3])
            if pid not in known and (parent in known or session in known) and fields[0] not in "ZX":
                found.append(pid)
    return found


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
