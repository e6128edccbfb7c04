"""The page in a real browser: content, scripts, contrast, width, keyboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

from skill_runner.hooks.web.chromium import Browser, open_browser
from skill_runner.hooks.web.visit import Watch
from skill_runner.reports import Finished
from skill_runner.reports.page import html
from tests.support.browser import needs_browser, the_browser
from tests.unit.reports.played import CAUSE, hostile, platform, ready

# The contrast of each text with what is behind it, by WCAG 2.1's definition of relative luminance.
CONTRAST: Final = """(() => {
  const parts = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => { const [r, g, b] = parts(c).map((v) => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor; if ((parts(c)[3] ?? 1) > 0) return c; }
    return 'rgb(255,255,255)'; };
  const ratio = (e) => { const s = getComputedStyle(e);
    const front = e instanceof SVGElement ? s.fill : s.color;
    const [a, b] = [light(front), light(behind(e))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05); };
  const own = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  return Math.min(...[...document.body.querySelectorAll('*')]
    .filter((e) => own(e) && e.tagName !== 'title').map(ratio));
})()"""
WIDER: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOCUS: Final = """[...document.querySelectorAll('.wide')].every((e) => {
  e.focus(); return document.activeElement === e; })"""


class Elements(HTMLParser):
    """Names of elements, and attributes that begin a script or fetch something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.fetches: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.fetches += [n for n, _ in attrs if n.startswith("on") or n in ("src", "href")]


@pytest.mark.parametrize(
    "finished", [platform(), hostile(), ready()], ids=["platform", "hostile", "ready"]
)
def test_it_fetches_nothing_and_runs_nothing(finished: Finished) -> None:
    found = Elements(html(finished))
    assert found.fetches == []
    assert not found.names & {"script", "img", "a", "iframe", "object", "link"}


def test_the_cause_comes_before_everything_else() -> None:
    page = html(platform())
    assert page.index(CAUSE) < page.index("Installations") < page.index("Timeline")
    assert "key c of Secret a/b" in page


@asynccontextmanager
async def opened(
    tmp_path: Path, finished: Finished, width: int = 1300, scheme: str = "light"
) -> AsyncIterator[Browser]:
    """The page in a browser; nothing went wrong on it until the end."""
    file = tmp_path / "report.html"
    file.write_text(html(finished), encoding="utf-8")
    async with open_browser(the_browser()) as browser:
        watch = browser.on_event = Watch()
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        await browser.call("Emulation.setDeviceMetricsOverride", **size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await browser.call("Emulation.setEmulatedMedia", features=[feature])
        await browser.call("Page.navigate", url=file.as_uri())
        await watch.settled()
        yield browser
        assert watch.faults == []


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_can_be_read_at_every_width(tmp_path: Path, scheme: str) -> None:
    for width in (390, 800, 1300):
        async with opened(tmp_path, platform(), width, scheme) as page:
            assert await page.evaluate(CONTRAST) >= 4.5
            assert await page.evaluate(WIDER) == 0, f"{width} px wide, it scrolls sideways"
            assert await page.evaluate(FOCUS), "what scrolls has no keyboard"


@needs_browser
async def test_hostile_text_is_shown_as_it_is(tmp_path: Path) -> None:
    async with opened(tmp_path, hostile()) as page:
        assert "<script>alert(1)</script>" in await page.evaluate("document.body.innerText")
        assert await page.evaluate("document.querySelectorAll('script, img, a').length") == 0
