"""The pipe from a caller to its worker: its arguments first, later that it need not wait any more.

While the pipe is open, somebody waits for the worker. When it ends without the word LET_GO (the
call was cancelled, the client went away, the server was killed), the worker interrupts itself, as
Ctrl-C would. Arguments go through it since they may hold secrets, and /proc shows command lines.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final

from skill_runner.processes.killing import kill_tree

LET_GO: Final = b"go on without me\n"
HURRY: Final = 30.0  # seconds after which a worker that was cut off hurries its clean-up,
KILL: Final = 15.0  # and more after which it kills itself and what it started


class Lifeline:
    """The caller's end. Until `let_go`, the worker lives no longer than this process waits."""

    def __init__(self) -> None:
        self._pipe: IO[bytes] | None = None

    def hold(self, pipe: IO[bytes], arguments: Sequence[str]) -> None:
        """Hand the arguments over, and keep the pipe."""
        self._pipe = pipe
        pipe.write(json.dumps(list(arguments)).encode() + b"\n")
        pipe.flush()

    def let_go(self) -> None:
        """Let the worker go on by itself; nothing when it was cut off before."""
        if self._pipe is not None:
            with suppress(OSError):  # it has ended already
                self._pipe.write(LET_GO)
                self._pipe.flush()
        self.cut()

    def cut(self) -> None:
        """Interrupt the worker, unless it was let go."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def take_arguments() -> list[str]:
    """In a worker: the arguments; from now on it ends when its caller is gone.

    Standard input is taken away: no child of the worker may read what is meant for us.
    """
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    text, rest = _line(pipe)
    # Read with os.read in a daemon thread: a buffered reader would be locked when Python ends.
    watching = threading.Thread(target=_watch, args=(pipe, rest), name="lifeline", daemon=True)
    watching.start()
    arguments: list[str] = json.loads(text)
    return arguments


def _line(pipe: int) -> tuple[bytes, bytes]:
    """Everything up to the first newline, and what was read after it."""
    text = b""
    while b"\n" not in text:
        more = os.read(pipe, 65536)
        if not more:
            break
        text += more
    line, _, rest = text.partition(b"\n")
    return line, rest


def _watch(pipe: int, text: bytes) -> None:
    while more := os.read(pipe, 64):
        text += more
    if text == LET_GO:
        return
    for seconds in (HURRY, KILL):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(seconds)
    kill_tree(os.getpid())
