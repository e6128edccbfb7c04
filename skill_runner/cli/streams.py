"""Standard streams that never end a command: without a reader, its output is dropped.

`skill run -o jsonl | head -1` and a closed terminal take the reader away in the middle of a run.
The run goes on to its end; its outcome is in the run's folder, and its exit code is its own.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

NO_READER: Final = frozenset({errno.EPIPE, errno.EIO})  # a closed pipe, a closed terminal


class _Steady(io.FileIO):
    """A file descriptor for output; after a write that fails, everything goes to /dev/null."""

    lost: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.lost = error
            discard = os.open(os.devnull, os.O_WRONLY)
            os.dup2(discard, self.fileno())  # children write there as well
            os.close(discard)
            return memoryview(data).nbytes


class Output:
    """The process's standard output and standard error, made steady; see the module."""

    def __init__(self) -> None:
        _open_closed()
        self._out = _Steady(1, "w", closefd=False)
        self._err = _Steady(2, "w", closefd=False)
        sys.stdout = _text(self._out, sys.stdout, line_buffering=os.isatty(1))
        sys.stderr = _text(self._err, sys.stderr, line_buffering=True)

    def exit_code(self, code: int) -> int:
        """The exit code of a command that ends with `code`: never 0 when its output is incomplete
        although somebody reads it (a full disk)."""
        sys.stdout.flush()
        lost = self._out.lost
        if lost is None or lost.errno in NO_READER:
            return code
        sys.stderr.write(f"error: standard output cannot be written: {lost.strerror}\n")
        return code or 1


def _open_closed() -> None:
    """Put /dev/null in place of standard streams that the caller closed (`>&-`).

    A file that is opened later would take the number of the missing one, and get what is printed.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number


def _text(raw: _Steady, before: TextIO | None, *, line_buffering: bool) -> TextIO:
    """Text into `raw`, encoded as `before`; what cannot be encoded is escaped."""
    if before is not None:
        before.flush()
    errors = getattr(before, "errors", None) or "strict"
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors="backslashreplace" if errors == "strict" else errors,
        line_buffering=line_buffering,
        write_through=line_buffering,
    )
