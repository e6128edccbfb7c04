"""A headless Chromium, spoken to by its DevTools protocol over a pipe.

https://chromedevtools.github.io/devtools-protocol/ ; with --remote-debugging-pipe the browser reads
file descriptor 3 and writes 4, JSON messages that end in a zero byte: no port, no further library.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from skill_runner.processes.isolation import python_command

VARIABLE: Final = "SKILL_BROWSER"  # the path of a Chromium; `none` leaves the browser out
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE: Final = 30.0  # seconds for one answer
FLAGS: Final = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-default-browser-check",
    "--mute-audio",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
    "--no-proxy-server",
)

# Where the browser looks for the pipe; a shell cannot name descriptors above 9.
AS_3_AND_4: Final = (
    "import fcntl, os, sys; "
    "read, write = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]); "
    "os.dup2(read, 3); os.dup2(write, 4); os.execv(sys.argv[3], sys.argv[3:])"
)

Event = Mapping[str, Any]


class BrowserFailed(Exception):
    """The browser itself did not start, ended, or did not answer."""


class CommandRefused(BrowserFailed):
    """The browser lives and refused a command: the document was just being replaced, for one."""


def find_browser(environ: Mapping[str, str]) -> str | None:
    """The browser of this machine, None where there is none."""
    named = environ.get(VARIABLE)
    if named:
        return None if named == "none" else named
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page of one browser. `on_event` is called with every event of the page."""

    def __init__(self, send: asyncio.StreamWriter, receive: asyncio.StreamReader) -> None:
        self._send = send
        self._receive = receive
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session = ""
        self._number = 0
        self.on_event: Callable[[str, Event], None] = lambda name, event: None

    async def listen(self) -> None:
        """Hand out what arrives until the browser closes."""
        try:
            while True:
                message = json.loads((await self._receive.readuntil(b"\0"))[:-1])
                if "id" in message:
                    answer = self._answers.pop(message["id"], None)
                    if answer is not None and not answer.done():
                        answer.set_result(message)
                elif message.get("sessionId") == self._session:
                    self.on_event(message["method"], message.get("params", {}))
        except asyncio.IncompleteReadError:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(BrowserFailed("the browser ended"))

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command's result; BrowserFailed with the browser's words otherwise."""
        self._number += 1
        number = self._number
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._send.write(json.dumps(message).encode() + b"\0")
        try:
            async with asyncio.timeout(PATIENCE):
                got = await answer
        except TimeoutError as error:
            raise BrowserFailed(f"{method} was not answered in {PATIENCE:.0f} s") from error
        if "error" in got:
            raise CommandRefused(f"{method}: {got['error'].get('message')}")
        result: dict[str, Any] = got.get("result", {})
        return result

    async def attach(self) -> None:
        """Open the page, and ask for the events of everything that can go wrong on it."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.call(f"{domain}.enable")

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page; promises are awaited."""
        got = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in got:
            raise BrowserFailed(f"{expression[:60]}: {got['exceptionDetails'].get('text')}")
        return got["result"].get("value")


@asynccontextmanager
async def open_browser(path: str) -> AsyncIterator[Browser]:
    """A browser with an empty profile; it and its profile are gone at the end."""
    with tempfile.TemporaryDirectory(
        prefix="skill-browser-", ignore_cleanup_errors=True
    ) as profile:
        to_browser, from_us = os.pipe()
        to_us, from_browser = os.pipe()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses it to root
        child = await asyncio.create_subprocess_exec(
            *python_command("-c", AS_3_AND_4),
            str(to_browser),
            str(from_browser),
            path,
            *FLAGS,
            *sandbox,
            f"--user-data-dir={profile}",
            "about:blank",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(to_browser, from_browser),
            env={**os.environ, "HOME": profile},
            cwd=Path(profile),
        )
        os.close(to_browser)
        os.close(from_browser)
        send, receive = await _streams(from_us, to_us)
        browser = Browser(send, receive)
        listening = asyncio.create_task(browser.listen())
        try:
            await browser.attach()
            yield browser
        finally:
            send.close()
            if child.returncode is None:
                child.kill()
            await child.wait()
            await listening


async def _streams(write: int, read: int) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    loop = asyncio.get_running_loop()
    receive = asyncio.StreamReader(limit=64 << 20)  # a screenshot is one message
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(receive), os.fdopen(read, "rb", 0)
    )
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(write, "wb", 0)
    )
    return asyncio.StreamWriter(transport, protocol, None, loop), receive
