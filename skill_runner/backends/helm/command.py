"""The helm command as a child process that ends when its task does.

pyhelm3 composes the arguments; how the process runs is ours: without a shell (pyhelm3's own
`run` ends the shell on cancellation while helm lives on), in a process group of its own, with
the cluster named in its environment, and with labels, which pyhelm3 does not know.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pyhelm3

from skill_runner.backends.base import Lifeline, Target
from skill_runner.backends.helm.errors import helm_error
from skill_runner.errors import HelmError
from skill_runner.processes.isolation import python_command
from skill_runner.tasks import patiently, uncancelled

GRACE_SECONDS: Final = 10.0

KEEPER: Final = str(Path(__file__).with_name("keeper.py"))
WRITES: Final = frozenset({"upgrade", "rollback", "uninstall"})

_UNWANTED: Final = ("HELM_KUBE", "HELM_NAMESPACE", "HELM_DRIVER", "HELM_DEBUG", "KUBECONFIG")


class HelmCommand(pyhelm3.Command):
    """One call of helm, about one release or chart.

    `on_line` gets the lines of its standard error as they come; `grace` is how many seconds a
    cancelled helm may take to mark its release as failed. What writes ends with the `lifeline`,
    even when this process stands still.
    """

    def __init__(
        self,
        executable: str,
        target: Target,
        *,
        about: str = "helm",
        labels: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
        grace: float = GRACE_SECONDS,
        environ: Mapping[str, str] = os.environ,
        lifeline: Lifeline | None = None,
    ) -> None:
        super().__init__(executable=executable)
        self._target = target
        self._about = about
        self._grace = grace
        self._labels = labels or {}
        self._on_line = on_line
        self._environ = _environment(environ, target)
        self._lifeline = lifeline

    async def run(self, command: list[Any], input: bytes | None = None) -> bytes:  # noqa: A002
        """Standard output; the errors of `helm_error`. Cancelling ends helm, and waits for it."""
        argv = [self._executable, *(str(part) for part in command)]
        argv += ["--kube-context", self._target.context]
        if self._labels and command[0] == "upgrade":
            argv += ["--labels", ",".join(f"{k}={v}" for k, v in sorted(self._labels.items()))]
        if shutil.which(self._executable) is None:
            raise HelmError(f"there is no helm at {self._executable}")
        # Shielded: a cancellation in the middle of the start would leave a helm without its task.
        lifeline = self._lifeline if command[0] in WRITES else None
        start = asyncio.ensure_future(self._start(argv, lifeline))
        try:
            process = await asyncio.shield(start)
            # Helm reads JSON as YAML, which knows no surrogate pairs: one escaped character beyond
            # U+FFFF would make it no YAML at all.
            as_yaml = json.dumps(json.loads(input), ensure_ascii=False).encode() if input else input
            stdout, stderr = await self._talk(process, as_yaml)
        except BaseException:
            await uncancelled(_end(start, self._grace))
            raise
        if process.returncode:
            raise helm_error(stderr, process.returncode, self._about)
        return stdout

    async def _start(self, argv: Sequence[str], lifeline: Lifeline | None) -> Process:
        kept: tuple[str, ...] = ()
        if lifeline is not None:
            keeper = python_command("-I", "-S", KEEPER, str(lifeline.fileno()), str(self._grace))
            kept = (*_dying_with_us(), *keeper)
        return await asyncio.create_subprocess_exec(
            *kept,
            *_dying_with_us(),
            *argv,
            env=self._environ,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            pass_fds=() if lifeline is None else (lifeline.fileno(),),
            # Helm prefers a folder of the chart's name where it stands to one in a repository.
            cwd="/",
            start_new_session=True,
        )

    async def _talk(self, process: Process, data: bytes | None) -> tuple[bytes, str]:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        out = asyncio.ensure_future(process.stdout.read())
        err = asyncio.ensure_future(_lines(process.stderr, self._on_line))
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(data or b"")
                await process.stdin.drain()
                process.stdin.close()
            stdout, stderr = await asyncio.gather(out, err)
            await process.wait()
            return stdout, stderr
        finally:
            out.cancel()
            err.cancel()


async def _lines(stream: asyncio.StreamReader, on_line: Callable[[str], None] | None) -> str:
    """Everything that the stream says; each line is handed on when it is whole, however long."""
    text = pending = b""
    while chunk := await stream.read(65536):
        text += chunk
        *whole, pending = (pending + chunk).split(b"\n")
        for line in whole if on_line else ():
            assert on_line is not None
            on_line(line.decode("utf-8", "replace"))
    if pending and on_line:
        on_line(pending.decode("utf-8", "replace"))
    return text.decode("utf-8", "replace")


async def _end(start: asyncio.Future[Process], grace: float) -> None:
    """Terminate the group, and kill it if it does not end in `grace` seconds."""
    process = await start
    _signal(process, signal.SIGTERM)
    with suppress(TimeoutError):
        # The pipes are read to their ends, or a full one would keep helm from ending.
        await patiently(process.communicate(), grace)
        return
    _signal(process, signal.SIGKILL)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.communicate(), grace)


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _environment(environ: Mapping[str, str], target: Target) -> dict[str, str]:
    """The caller's environment with this cluster only, and releases kept in Secrets.

    KUBECONFIG and not --kubeconfig, because the flag takes one file only.
    """
    kept = {key: value for key, value in environ.items() if not key.startswith(_UNWANTED)}
    return kept | {"KUBECONFIG": target.kubeconfig, "HELM_DRIVER": "secret"}


def _dying_with_us() -> tuple[str, ...]:
    """A prefix that lets the kernel end helm when this process is killed, where there is one."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()
