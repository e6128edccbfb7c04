"""Real `skill` processes, each with its own view of the API server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.integration.runner.proxy import Log, Proxy
from tests.support.driver import Driver
from tests.support.paths import DATA

SKILLS: Final = DATA / "killed"
MARK: Final = "SKILL_TEST_MARK"

_SKEWED: Final = """
import time
real = time.time
time.time = lambda: real() + {skew}
from skill_runner.__main__ import main
main()
"""


@dataclass(frozen=True, slots=True)
class Command:
    """One process of `skill`. `host` names another machine than this one; `skew` is how many
    seconds its clock is ahead."""

    process: Process
    proxy: Proxy

    async def outcome(self) -> dict[str, Any]:
        """What it says at its end."""
        out, err = await self.process.communicate()
        assert out, err.decode()
        document: dict[str, Any] = json.loads(out)
        return document

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)


@asynccontextmanager
async def running(
    driver: Driver,
    log: Log,
    folder: Path,
    who: str,
    *arguments: str,
    host: str = "",
    skew: float = 0,
) -> AsyncIterator[Command]:
    """`skill` with these arguments behind a proxy; whatever is left of it at the end is killed."""
    proxy = Proxy(who, log)
    async with proxy.serve(driver.kubeconfig, driver.context, folder) as kubeconfig:
        program = ["-c", _SKEWED.format(skew=skew)] if skew else ["-m", "skill_runner"]
        elsewhere = ("unshare", "--uts", "sh", "-c", f'hostname {host}; exec "$@"', "sh")
        process = await asyncio.create_subprocess_exec(
            *(elsewhere if host else ()),
            sys.executable,
            *program,
            *arguments,
            *("--kubeconfig", str(kubeconfig), "--context", driver.context, "-o", "json"),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
            env={
                **os.environ,
                "SKILL_PATH": str(SKILLS),
                "SKILL_STATE_DIR": str(folder / who),
                MARK: str(folder / who),
            },
        )
        try:
            yield Command(process, proxy)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


def left_of(folder: Path, who: str) -> list[str]:
    """Processes that one command started and left."""
    mark = f"{MARK}={folder / who}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found
