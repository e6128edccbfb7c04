"""Run a build tool as a child process: lines to the report, the telling ones into the error."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from skill_runner.errors import BuildFailed
from skill_runner.progress import Line, Report
from skill_runner.tasks import patiently, uncancelled

KEEP = 2000
WIDEST = 16 * 1024  # bytes of one line; what is minified has lines of megabytes
GRACE = 10.0  # seconds that a cancelled tool may take to clean up
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TELLING = ("error", "fail", "cannot", "not found", "no such", "denied", "unable", "e: ")


class ToolFailed(BuildFailed):
    """A tool exited with `status`; `lines` are its last ones, whole."""

    def __init__(self, message: str, *, status: int, lines: Sequence[str]) -> None:
        super().__init__(message)
        self.status = status
        self.lines = tuple(lines)


def need(tool: str, package: str) -> None:
    """BuildFailed, naming the Debian package, where a tool is not on this machine."""
    if shutil.which(tool) is None:
        raise BuildFailed(
            f"{tool} is needed for this recipe and is not on this machine",
            hint=f"apt-get install {package}",
        )


async def _texts(child: asyncio.subprocess.Process) -> AsyncIterator[str]:
    """Lines that the child prints, without colours and empty ones."""
    assert child.stdout is not None
    async for raw in lines_of(child.stdout):
        if text := ANSI.sub("", raw.decode(errors="replace")).rstrip():
            yield text


async def run_tool(
    argv: Sequence[str],
    *,
    report: Report,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    name: str = "",
) -> str:
    """The tool's output; BuildFailed with its telling lines when it exits otherwise than 0.

    `name` stands for a command line that begins with something else than the tool.
    Cancelling ends the child with all its own children, and waits for it.
    """
    try:
        child = await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise BuildFailed(f"{argv[0]} is not on this machine") from error
    lines: deque[str] = deque(maxlen=KEEP)
    try:
        async for text in _texts(child):
            lines.append(text)
            report(Line(name or Path(argv[0]).name, text))
        code = await child.wait()
    except asyncio.CancelledError:
        await uncancelled(_end(child))
        raise
    if code != 0:
        told = "".join(f"\n  {line}" for line in telling_lines(lines))
        words = f"{name or ' '.join(argv[:3])} … exited with {code}{told}"
        raise ToolFailed(words, status=code, lines=lines)
    return "\n".join(lines)


async def lines_of(stream: asyncio.StreamReader) -> AsyncGenerator[bytes]:
    """Lines as they come; of one longer than WIDEST bytes, its beginning."""
    line = b""
    while part := await stream.read(1 << 16):
        *whole, rest = (line + part).split(b"\n")
        for one in whole:
            yield one[:WIDEST]
        line = rest[:WIDEST]
    if line:
        yield line


async def _end(child: asyncio.subprocess.Process) -> None:
    """Terminate the child's group, and kill it if it does not end in time."""
    _signal(child, signal.SIGTERM)
    with suppress(TimeoutError):
        # Its pipe is read to the end, or a full one would keep it from ending.
        await patiently(child.communicate(), GRACE)
    _signal(child, signal.SIGKILL)  # also what it started and did not end
    with suppress(TimeoutError):
        await asyncio.wait_for(child.communicate(), GRACE)


def _signal(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def telling_lines(lines: Sequence[str] | deque[str], most: int = 8) -> list[str]:
    """Those that name an error, or the last ones when none does."""
    told = [line for line in lines if any(word in line.lower() for word in TELLING)]
    return (told or list(lines))[-most:]
