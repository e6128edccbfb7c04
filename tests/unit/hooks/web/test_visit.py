"""Pages in a real browser: what passes, and how each fault is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.hooks.context import GiveUp
from skill_runner.hooks.web.chromium import find_browser
from skill_runner.hooks.web.visit import visit_pages
from tests.support.browser import needs_browser, the_browser
from tests.support.site import HTML, page, serve

pytestmark = needs_browser

SINGLE = """<h1>Hello there</h1><a href="/next">Next</a><script>
document.querySelector('a').onclick = (event) => {
  event.preventDefault();
  history.pushState({}, '', '/next');
  document.querySelector('h1').innerText = 'Next';
};</script>"""
BUSY = """<script>
const link = document.querySelector('a'), end = performance.now() + 800;
link.onclick = (event) => event.preventDefault();
const { port1, port2 } = new MessageChannel();
port1.onmessage = () => {
  const pause = performance.now() + 5;
  while (performance.now() < pause);
  if (performance.now() < end) return port2.postMessage(0);
  DONE
};
port2.postMessage(0);</script>"""
LINK = '<h1>Hello</h1><a href="/next">Next</a>'
LEADS_ON = "link.onclick = (e) => { e.preventDefault(); history.pushState({}, '', '/next'); };"
# And is busy until it is replaced, so that the browser is asked of a document that goes.
MOVES = "if (!link.id) location.replace('/there'); link.id = 'left'; port2.postMessage(0);"
ICON = '<link rel="icon" href="data:,">'


async def visit(base: str, folder: Path, heading: str = "Hello") -> str:
    return await visit_pages(the_browser(), base, ["/"], heading, folder)


async def test_a_page_that_works(tmp_path: Path) -> None:
    with serve({"/": page(SINGLE, ICON)}) as base:
        said = await visit(base, tmp_path / "run")
    shot = tmp_path / "run" / "screenshot.png"
    assert said == f"a browser saw 1 pages and followed a link to /next; screenshot {shot}"
    assert shot.read_bytes().startswith(b"\x89PNG")


async def test_a_page_that_takes_its_time_to_lead_on(tmp_path: Path) -> None:
    """And asks for nothing meanwhile, as scripts on a busy machine do."""
    slow = SINGLE.replace("history.", "setTimeout(() => history.").replace(
        "'/next');\n", "'/next'), 1500);\n"
    )
    with serve({"/": page(slow, ICON)}) as base:
        assert "followed a link to /next" in await visit(base, tmp_path)


async def test_a_page_whose_scripts_are_not_done_yet(tmp_path: Path) -> None:
    """Docusaurus unfolds a category by what is a link to its first page until scripts are done."""
    with serve({"/": page(LINK + BUSY.replace("DONE", LEADS_ON), ICON)}) as base:
        assert "followed a link to /next" in await visit(base, tmp_path)


async def test_a_page_whose_scripts_move_on_to_another(tmp_path: Path) -> None:
    moving = page("<h1>Wait</h1><a></a>" + BUSY.replace("DONE", MOVES), ICON)
    with serve({"/": moving, "/there": page(SINGLE, ICON)}) as base:
        assert "followed a link to /next" in await visit(base, tmp_path)


async def test_every_fault_of_a_page_is_told(tmp_path: Path) -> None:
    broken = """<h1>Hello</h1><img src='/gone.png'>
<script src='http://127.0.0.1:1/x.js'></script><script>console.error('it', 'broke')</script>
<script>throw new TypeError('no such thing')</script>"""
    with serve({"/": page(broken, ICON)}) as base, pytest.raises(GiveUp) as told:
        await visit(base, tmp_path)
    for words in (
        "/gone.png answered 404",
        "/x.js failed: net::ERR_",
        "console error: it broke",
        "threw TypeError: no such thing",
    ):
        assert words in str(told.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<h1 style='display:none'>Hello</h1><h1>Other</h1>", 'it shows \\["Other"\\]'),
        ("<h1>Hello</h1><a href='/page'>Page</a>", "loads a whole document"),
    ],
)
async def test_a_page_that_is_not_as_it_was_made(tmp_path: Path, body: str, words: str) -> None:
    answers = {"/": page(body, ICON), "/page": page("<h1>Page</h1>", ICON)}
    with serve(answers) as base, pytest.raises(GiveUp, match=words):
        await visit(base, tmp_path)


async def test_a_browser_that_does_not_start(tmp_path: Path) -> None:
    with serve({"/": (200, HTML, "")}) as base, pytest.raises(GiveUp, match="the browser ended"):
        await visit_pages("/bin/false", base, ["/"], "", tmp_path)


def test_a_browser_is_named_or_left_out() -> None:
    assert find_browser({"SKILL_BROWSER": "/opt/chrome"}) == "/opt/chrome"
    assert find_browser({"SKILL_BROWSER": "none"}) is None
