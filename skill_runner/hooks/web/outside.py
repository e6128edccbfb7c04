"""Pages from this machine: status, words, content types, every asset, and a 404 that is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import httpx

from skill_runner.hooks.context import GiveUp, RetryLater
from skill_runner.hooks.web.html import Page, read_page, same_origin

TIMEOUT: Final = httpx.Timeout(20.0, connect=5.0)  # seconds
MISSING: Final = "this-page-does-not-exist-by-design"
# The kinds that a browser refuses to use under another type.
TYPES: Final = {
    ".js": ("javascript",),
    ".mjs": ("javascript",),
    ".css": ("text/css",),
    ".svg": ("image/svg+xml",),
    ".png": ("image/png",),
    ".json": ("json",),
    ".woff2": ("font/woff2",),
    ".webmanifest": ("manifest",),
    ".wasm": ("application/wasm",),
}


async def check_pages(base: str, paths: Sequence[str], text: str, root: str) -> str:
    """The pages at base + each path, with `text` in the first; what was seen, as words.

    GiveUp names the address and what was wrong with it; RetryLater when nothing answers yet.
    `root` is the path below which a missing page is asked for.
    """
    assets: dict[str, None] = {}
    async with httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=True, max_redirects=5) as client:
        for number, path in enumerate(paths):
            page = await _page(client, base + path)
            if number == 0 and text and text not in page.text:
                raise GiveUp(
                    f"{path} does not say {text!r}; it says: {page.text[:200]}",
                    hint="Set the input `text` to words that the page shows.",
                )
            assets.update(dict.fromkeys(same_origin(page.assets, base)))
        for address in assets:
            await _asset(client, address)
        answer = await _get(client, f"{base}{root}{MISSING}")
        if answer.status_code != 404:
            raise GiveUp(f"a page that does not exist answers {answer.status_code}, not 404")
    return f"{len(paths)} pages and {len(assets)} assets, a 404 for what is not there"


async def _page(client: httpx.AsyncClient, address: str) -> Page:
    answer = await _get(client, address)
    if answer.status_code >= 500:
        raise GiveUp(f"{_path(address)} answers {answer.status_code}: {_said(answer)}")
    if answer.status_code != 200:
        raise GiveUp(f"{_path(address)} answers {answer.status_code}, 200 was expected")
    kind = answer.headers.get("content-type", "")
    if not kind.startswith("text/html"):
        raise GiveUp(f"{_path(address)} has the content type {kind!r}, text/html was expected")
    return read_page(answer.text, str(answer.url))


async def _asset(client: httpx.AsyncClient, address: str) -> None:
    answer = await _get(client, address)
    path = _path(address)
    if answer.status_code != 200:
        raise GiveUp(f"the asset {path} answers {answer.status_code}")
    wanted = TYPES.get(path[path.rfind(".") :].partition("?")[0].lower())
    kind = answer.headers.get("content-type", "")
    if wanted and not any(word in kind for word in wanted):
        raise GiveUp(f"the asset {path} has the content type {kind!r}, {wanted[0]} was expected")


async def _get(client: httpx.AsyncClient, address: str) -> httpx.Response:
    try:
        return await client.get(address)
    except httpx.TooManyRedirects as error:
        raise GiveUp(f"{_path(address)} redirects in a circle") from error
    except httpx.TransportError as error:
        raise RetryLater(f"{_path(address)}: {type(error).__name__} {error}".rstrip()) from error


def _path(address: str) -> str:
    parts = urlsplit(address)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _said(answer: httpx.Response) -> str:
    text = answer.text
    if "html" in answer.headers.get("content-type", ""):
        text = read_page(text, str(answer.url)).text
    return text[:200]
