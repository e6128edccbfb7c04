"""Run a command until it ends, or until its lifeline does: `keeper.py DESCRIPTOR GRACE COMMAND…`.

A program of its own, because a run that stands still (Ctrl-Z, SIGSTOP) cannot end what it started,
while its lock runs out. The lifeline is an open file with one double: seconds since boot. GRACE is
in seconds, from SIGTERM to SIGKILL. Started with `python -I -S`, so it imports next to nothing.
"""

from __future__ import annotations

import _thread
import os
import signal
import struct
import sys
import time

LOOK = 0.2  # seconds between looks at the lifeline
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def main() -> None:
    """Be the leader of the command's process group, and end as the command does."""
    lifeline, grace, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    signal.signal(signal.SIGTERM, terminate)
    os.set_inheritable(lifeline, False)
    child = os.posix_spawnp(command[0], command, os.environ, setsigdef=[signal.SIGTERM])
    _thread.start_new_thread(watch, (lifeline, grace))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def terminate(*_: object) -> None:
    """Pass SIGTERM on to the whole group, once: it may have come to this process alone."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)


def watch(lifeline: int, grace: float) -> None:
    """End the group when the lifeline ends."""
    while (seconds := left(lifeline)) > 0:
        time.sleep(min(seconds, LOOK))
    sys.stderr.write(f"{sys.argv[3]} is ended: the run that started it has lost its lock\n")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os.killpg(0, signal.SIGKILL)


def left(lifeline: int) -> float:
    """Seconds until the lifeline ends."""
    (end,) = struct.unpack("=d", os.pread(lifeline, 8, 0))
    return float(end) - time.clock_gettime(CLOCK)


if __name__ == "__main__":
    main()
