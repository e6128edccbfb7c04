"""A page on which a hook does what a person does, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.hooks.context import GiveUp
from skill_runner.hooks.web.page import open_page
from tests.support.browser import needs_browser
from tests.support.site import page, serve

pytestmark = needs_browser

ICON = '<link rel="icon" href="data:,">'
GREETS = """<h1>Hello</h1><input id="who" value="nobody"><button id="greet">Greet</button><script>
let typed = 0;
document.querySelector('#who').oninput = () => { typed += 1; };
document.querySelector('#greet').onclick = () => setTimeout(() => {
  document.querySelector('h1').innerText = `Hello ${document.querySelector('#who').value} ${typed}`;
}, 300);</script>"""
SAYS_ADA = "document.querySelector('h1').innerText.startsWith('Hello ada')"


async def test_what_is_typed_and_clicked_arrives_as_a_persons() -> None:
    with serve({"/": page(GREETS, ICON)}) as base:
        async with open_page(base) as seen:
            assert await seen.open("/") == ["Hello"]
            await seen.type("#who", "ada")
            await seen.click("#greet")
            assert await seen.until(SAYS_ADA, "nobody is greeted") is True
            heading = await seen.until("document.querySelector('h1').innerText", "none")
            await seen.check()
    assert heading == "Hello ada 1"


async def test_what_does_not_come_is_told_with_what_the_page_shows() -> None:
    with serve({"/": page(GREETS, ICON)}) as base:
        async with open_page(base) as seen:
            await seen.open("/")
            with pytest.raises(GiveUp, match=r"nobody is greeted\nthe page shows: Hello \| Greet"):
                await seen.until(SAYS_ADA, "nobody is greeted", seconds=0.3)
            with pytest.raises(GiveUp, match="/ has no #none"):
                await seen.click("#none")


async def test_a_fault_of_the_page_is_named() -> None:
    broken = GREETS.replace("setTimeout(", "fetch('/none'); setTimeout(")
    with serve({"/": page(broken, ICON)}) as base:
        async with open_page(base) as seen:
            await seen.open("/")
            await seen.click("#greet")
            await seen.until("document.querySelector('h1').innerText !== 'Hello'", "no greeting")
            with pytest.raises(GiveUp, match="/none answered 404"):
                await seen.check()


async def test_a_picture_is_kept(tmp_path: Path) -> None:
    with serve({"/": page(GREETS, ICON)}) as base:
        async with open_page(base) as seen:
            await seen.open("/")
            shot = await seen.screenshot(tmp_path)
    assert shot.read_bytes().startswith(b"\x89PNG")


async def test_without_a_browser_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILL_BROWSER", "none")
    with pytest.raises(GiveUp, match="no Chromium on this machine"):
        async with open_page("http://127.0.0.1:1"):
            raise AssertionError("there is no page")
