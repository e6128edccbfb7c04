"""Read what a page of HTML names: its assets, its links, its headings. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

_RELS = frozenset({"stylesheet", "modulepreload", "preload", "icon", "manifest"})


@dataclass(slots=True)
class Page:
    """`assets` and `links` are whole addresses, in the page's order, each once."""

    assets: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.page = Page()
        self.words: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("script", "style"):
            self.silent += 1
        if tag in ("script", "img") and given.get("src"):
            self._add(self.page.assets, given["src"])
        elif tag == "link" and given.get("href") and _RELS & set(given.get("rel", "").split()):
            self._add(self.page.assets, given["href"])
        elif tag == "a" and given.get("href"):
            self._add(self.page.links, given["href"])

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style") and self.silent:
            self.silent -= 1

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)

    def _add(self, found: list[str], address: str) -> None:
        whole = urldefrag(urljoin(self.base, address.strip())).url
        if urlsplit(whole).scheme in ("http", "https") and whole not in found:
            found.append(whole)


def read_page(text: str, address: str) -> Page:
    """The page at an address; broken HTML gives what can be read of it."""
    reader = _Reader(address)
    reader.feed(text)
    reader.page.text = " ".join(" ".join(reader.words).split())
    return reader.page


def same_origin(addresses: list[str], base: str) -> list[str]:
    """Those that the same server answers."""
    origin = urlsplit(base).netloc
    return [address for address in addresses if urlsplit(address).netloc == origin]
