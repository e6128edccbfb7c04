"""A page in a real browser, for hooks that do on it what a person does.

async with open_page("http://127.0.0.1:8000") as page:
    await page.open("/")
    await page.type("#learner", "ada")
    await page.click("#begin")
    await page.until("document.querySelector('li') !== null", "no lesson is shown")
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from skill_runner.hooks.context import GiveUp
from skill_runner.hooks.web.chromium import (
    Browser,
    BrowserFailed,
    CommandRefused,
    find_browser,
    open_browser,
)
from skill_runner.hooks.web.visit import HEADING, Watch, no_faults, open_address, screenshot

LOOK_EVERY: Final = 0.1  # seconds


class Page:
    """One page of a browser; `base` is the address of its site. Its methods raise GiveUp."""

    def __init__(self, browser: Browser, base: str) -> None:
        self._browser = browser
        self._base = base
        self._path = "/"

    async def open(self, path: str) -> list[str]:
        """Open a path of the site, until it has come to rest; return the headings that it shows.

        GiveUp when it answers an error, throws one, or lacks something of itself.
        """
        self._path = path
        await open_address(self._browser, self._base + path, path, "")
        return list(await self._browser.evaluate(HEADING) or ())

    async def type(self, selector: str, text: str) -> None:
        """Write into a field, as a keyboard does."""
        await self._element(selector, "focus(), it.select && it.select()")
        await self._browser.call("Input.insertText", text=text)

    async def click(self, selector: str) -> None:
        """Click on what a selector of CSS finds."""
        await self._element(selector, "click()")

    async def until(self, expression: str, otherwise: str, *, seconds: float = 20) -> Any:
        """Return the value of a JavaScript expression once it is truthy; GiveUp with `otherwise`,
        and with what the page shows, after that many seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            with suppress(CommandRefused):  # of a document that is just being replaced
                if value := await self._browser.evaluate(expression):
                    return value
            await asyncio.sleep(LOOK_EVERY)
        shown = str(await self._browser.evaluate("document.body.innerText"))
        raise GiveUp(f"{otherwise}\nthe page shows: {' | '.join(shown.split())[:300]}")

    async def check(self) -> None:
        """Let the page come to rest; GiveUp where anything went wrong on it since it was opened."""
        watch = self._browser.on_event
        if isinstance(watch, Watch):
            await watch.settled()
            no_faults(self._path, watch)

    async def screenshot(self, folder: Path) -> Path:
        """Keep a picture of the page in a folder; its path."""
        return await screenshot(self._browser, folder)

    async def _element(self, selector: str, action: str) -> None:
        found = await self._browser.evaluate(
            f"(() => {{ const it = document.querySelector({json.dumps(selector)});"
            f" if (!it) return false; it.{action}; return true; }})()"
        )
        if not found:
            raise GiveUp(f"{self._path} has no {selector}")


@asynccontextmanager
async def open_page(base: str) -> AsyncIterator[Page]:
    """Give a page of a new browser, with an empty profile; GiveUp where this machine has none.

    async with open_page("http://127.0.0.1:8000") as page:
        headings = await page.open("/")
    """
    program = find_browser(os.environ)
    if program is None:
        raise GiveUp("no Chromium on this machine", hint="apt-get install chromium")
    try:
        async with open_browser(program) as browser:
            yield Page(browser, base)
    except BrowserFailed as error:
        raise GiveUp(f"the browser {program} failed: {error}") from error
