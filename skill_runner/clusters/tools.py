"""Run another program and take its answer: what the providers of other people's clusters share."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from skill_runner.errors import ClusterLifecycleError, PreflightFailed
from skill_runner.progress import Line, Report

HINTS: Final = {
    "kind": "Install it from https://kind.sigs.k8s.io/docs/user/quick-start/#installation; it also "
    "needs Docker, Podman or nerdctl.",
    "minikube": "Install it from https://minikube.sigs.k8s.io/docs/start/.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A program's exit code, its standard output, and its standard error."""

    code: int
    output: str
    errors: str


Run = Callable[[Sequence[str], Mapping[str, str] | None, Report], Awaitable[Answer]]


async def run(
    command: Sequence[str], environment: Mapping[str, str] | None, report: Report
) -> Answer:
    """Run a command to its end, its standard error as lines of progress."""
    program = shutil.which(command[0])
    if program is None:
        raise PreflightFailed(f"{command[0]} is not on PATH", hint=HINTS.get(command[0], ""))
    child = await asyncio.create_subprocess_exec(
        program,
        *command[1:],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environment) if environment is not None else None,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    lines: list[str] = []

    async def follow(stream: asyncio.StreamReader) -> None:
        async for raw in stream:
            lines.append(raw.decode(errors="replace").rstrip())
            report(Line(command[0], lines[-1]))

    try:
        output, _ = await asyncio.gather(child.stdout.read(), follow(child.stderr))
        code = await child.wait()
    finally:
        if child.returncode is None:
            child.terminate()
            await child.wait()
    return Answer(code, output.decode(errors="replace"), "\n".join(lines))


def check(answer: Answer, command: Sequence[str]) -> str:
    """The output of a command that must work. ClusterLifecycleError with its last words."""
    if answer.code:
        said = (answer.errors or answer.output).strip().splitlines()[-3:]
        raise ClusterLifecycleError(
            f"`{' '.join(command)}` answered {answer.code}: {' | '.join(said) or 'nothing'}"
        )
    return answer.output
