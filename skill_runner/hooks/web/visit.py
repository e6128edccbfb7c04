"""Pages as a browser shows them: no error, nothing missing, headings, links that lead on."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from skill_runner.hooks.context import GiveUp
from skill_runner.hooks.web.chromium import (
    Browser,
    BrowserFailed,
    CommandRefused,
    Event,
    open_browser,
)

QUIET: Final = 0.5  # seconds without a request: the page has what it wants
LONGEST: Final = 25.0  # seconds for one page
HEADING: Final = """(() => {
  const seen = (e) => { const b = e.getBoundingClientRect(); return b.width > 0 && b.height > 0; };
  return [...document.querySelectorAll('h1, h2')].filter(seen).map((e) => e.innerText.trim());
})()"""
# The first link to another page of the same site that a person can see.
FOLLOW: Final = """(() => {
  const seen = (e) => { const b = e.getBoundingClientRect(); return b.width > 0 && b.height > 0; };
  const link = [...document.querySelectorAll('a[href]')].find((a) => seen(a) && !a.target &&
    !a.hasAttribute('download') && a.origin === location.origin && !a.href.includes('#') &&
    a.pathname.replace(/\\/$/, '') !== location.pathname.replace(/\\/$/, '') &&
    !/\\.[a-z0-9]+$/i.test(a.pathname));
  if (!link) return null;
  window.__skill_same_document = true;
  link.click();
  return link.pathname;
})()"""
PLACE: Final = "[location.pathname, window.__skill_same_document === true]"
# Scripts that make a page of what a server sent ("hydration") ask for nothing and do it piece by
# piece; until they are done, a link may lead elsewhere or nowhere. A browser calls back when it has
# nothing to do; a page that is never done is looked at as it is.
IDLE: Final = (
    f"new Promise((done) => requestIdleCallback(() => done(), {{timeout: {LONGEST * 1000:.0f}}}))"
)


class Watch:
    """The record of what a page did: requests under way, and everything that went wrong."""

    def __init__(self) -> None:
        self.open: dict[str, str] = {}
        self.faults: list[str] = []
        self.stirred = asyncio.Event()
        self.last = asyncio.get_running_loop().time()

    def __call__(self, name: str, event: Event) -> None:
        handler = getattr(self, f"_{name.partition('.')[2]}", None)
        if handler is not None:
            self.last = asyncio.get_running_loop().time()
            handler(event)
            self.stirred.set()

    def _requestWillBeSent(self, event: Event) -> None:  # noqa: N802
        if event["request"]["url"].startswith("http"):
            self.open[event["requestId"]] = event["request"]["url"]

    def _responseReceived(self, event: Event) -> None:  # noqa: N802
        answer = event["response"]
        if answer["status"] >= 400 and not answer["url"].endswith("/favicon.ico"):
            self.faults.append(f"{_path(answer['url'])} answered {answer['status']:.0f}")

    def _loadingFinished(self, event: Event) -> None:  # noqa: N802
        self.open.pop(event["requestId"], None)

    def _loadingFailed(self, event: Event) -> None:  # noqa: N802
        address = self.open.pop(event["requestId"], "")
        # What the page itself called off, such as a prefetch of the page before, is no fault.
        if not event.get("canceled") and address:
            self.faults.append(f"{_path(address)} failed: {event.get('errorText')}")

    def _exceptionThrown(self, event: Event) -> None:  # noqa: N802
        details = event["exceptionDetails"]
        words = (details.get("exception") or {}).get("description") or details.get("text", "")
        self.faults.append(f"threw {words.splitlines()[0] if words else 'an exception'}")

    def _consoleAPICalled(self, event: Event) -> None:  # noqa: N802
        if event["type"] == "error":
            said = " ".join(
                str(a.get("value") or a.get("description") or "") for a in event["args"]
            )
            self.faults.append(f"console error: {said.strip().splitlines()[0][:200]}")

    def _entryAdded(self, event: Event) -> None:  # noqa: N802
        entry = event["entry"]
        if entry["level"] == "error" and entry["source"] != "network":
            self.faults.append(f"{entry['source']} error: {entry['text'][:200]}")

    async def settled(self) -> None:
        """Wait until the page has loaded and asks for nothing more, or for LONGEST seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST
        while (now := loop.time()) < end and (self.open or now - self.last < QUIET):
            self.stirred.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(QUIET, end - now)):
                    await self.stirred.wait()


async def visit_pages(
    browser: str, base: str, paths: Sequence[str], heading: str, folder: Path
) -> str:
    """Open each page, follow a link of the first, keep a screenshot of it; what was seen, as words.

    GiveUp names the page and what went wrong on it. `heading` is expected on the first page.
    """
    try:
        async with open_browser(browser) as page:
            for number, path in enumerate(paths):
                await open_address(page, base + path, path, heading if number == 0 else "")
                if number == 0:
                    shot = await screenshot(page, folder)
            followed = await _follow(page, base + paths[0], paths[0])
    except BrowserFailed as error:
        raise GiveUp(f"the browser {browser} failed: {error}") from error
    return f"a browser saw {len(paths)} pages{followed}; screenshot {shot}"


async def open_address(page: Browser, address: str, path: str, heading: str) -> None:
    """Open an address until it has come to rest; GiveUp with what went wrong on it."""
    watch = page.on_event = Watch()
    went = await page.call("Page.navigate", url=address)
    if went.get("errorText"):
        raise GiveUp(f"the browser cannot open {path}: {went['errorText']}")
    await _still(page, watch)
    no_faults(path, watch)
    seen = await page.evaluate(HEADING) or []
    if heading and not any(heading in each for each in seen):
        raise GiveUp(
            f"{path} shows no heading {heading!r} in a browser; it shows {json.dumps(seen[:4])}"
        )


async def _still(page: Browser, watch: Watch) -> None:
    """Wait until the page asks for nothing more and its scripts have come to rest."""
    loop = asyncio.get_running_loop()
    end = loop.time() + LONGEST
    while loop.time() < end:
        await watch.settled()
        last = watch.last
        with suppress(CommandRefused):  # of a document that is just being replaced
            await page.evaluate(IDLE)
            if watch.last == last:
                return


async def _follow(page: Browser, address: str, path: str) -> str:
    """A click on the first link inside the site: another page without loading a document."""
    await open_address(page, address, path, "")
    watch = page.on_event = Watch()
    target = await page.evaluate(FOLLOW)
    if target is None:
        return ""
    now = await _arrived(page, watch, str(target))
    no_faults(str(target), watch)
    if now[0].rstrip("/") != str(target).rstrip("/"):
        raise GiveUp(f"a click on the link to {target} leads to {now[0]}")
    if not now[1]:
        raise GiveUp(
            f"a click on the link to {target} loads a whole document: it works without "
            "the site's scripts, which is not how it was made"
        )
    return f" and followed a link to {target}"


async def _arrived(page: Browser, watch: Watch, target: str) -> tuple[str, bool]:
    """The path that is shown once it is the target's, or after LONGEST seconds; and whether the
    document is still the one that was clicked in. A site may ask for nothing on the way there."""
    loop = asyncio.get_running_loop()
    end = loop.time() + LONGEST
    place: tuple[str, bool] = ("", False)
    while place[0].rstrip("/") != target.rstrip("/") and loop.time() < end:
        await watch.settled()
        with suppress(CommandRefused):  # of a document that is just being replaced
            path, same = await page.evaluate(PLACE)
            place = (path, same)
        await asyncio.sleep(0.05)
    return place


def no_faults(path: str, watch: Watch) -> None:
    """Raise GiveUp with what went wrong on a page."""
    if watch.faults:
        raise GiveUp(
            f"{path} in a browser: {watch.faults[0]}\n" + "\n".join(watch.faults[1:6]),
            hint="Open it with the browser's developer tools; the server's log is in `skill why`.",
        )


async def screenshot(page: Browser, folder: Path) -> Path:
    """Keep a picture of the page; its path."""
    got = await page.call("Page.captureScreenshot", format="png")
    path = folder / "screenshot.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(got["data"]))
    return path


def _path(address: str) -> str:
    return urlsplit(address).path
