"""Pages by HTTP: what passes, and how each fault is named."""

from __future__ import annotations

import pytest

from skill_runner.hooks.context import GiveUp, RetryLater
from skill_runner.hooks.web.html import read_page, same_origin
from skill_runner.hooks.web.outside import check_pages
from tests.support.site import HTML, Answer, page, serve

SCRIPT: Answer = (200, "application/javascript", "1")
GOOD = {
    "/": page("<h1>Hello</h1><a href='/a'>A</a>", '<script src="/main.js?v=1"></script>'),
    "/main.js": SCRIPT,
}


async def test_a_site_that_works() -> None:
    with serve(GOOD) as base:
        said = await check_pages(base, ["/"], "Hello", "/")
    assert said == "1 pages and 1 assets, a 404 for what is not there"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"/": (500, HTML, "<p>boom</p>")}, "/ answers 500: boom"),
        ({"/": (403, HTML, "")}, "/ answers 403, 200 was expected"),
        ({"/": (200, "text/plain", "Hello")}, "content type 'text/plain'"),
        ({"/": page("<h1>Other</h1>")}, "does not say 'Hello'; it says: Other"),
        ({"/main.js": (200, HTML, "<p>not found")}, "/main.js.* has the content type 'text/html"),
        ({"/main.js": (404, HTML, "")}, "the asset /main.js.* answers 404"),
        ({"/": (302, HTML, "/")}, "/ redirects in a circle"),
        ({"/this-page-does-not-exist-by-design": page("")}, "answers 200, not 404"),
    ],
)
async def test_faults_are_named(answers: dict[str, Answer], words: str) -> None:
    with serve({**GOOD, **answers}) as base, pytest.raises(GiveUp, match=words):
        await check_pages(base, ["/"], "Hello", "/")


async def test_a_server_that_is_not_there_yet_is_asked_again() -> None:
    with serve({}) as base:
        pass
    with pytest.raises(RetryLater, match="ConnectError"):
        await check_pages(base, ["/"], "", "/")


def test_what_a_page_names() -> None:
    text = (
        '<link rel="stylesheet" href="a.css"><link rel="canonical" href="/c">'
        "<script>var x = 'hidden';</script><img src='/b.png#x'><img src='data:abc'>"
        '<a href="https://other.example/">O</a><a href="../up">U</a><p>Two  words</p>'
    )
    found = read_page(text, "http://here.example/dir/page")
    assert found.assets == ["http://here.example/dir/a.css", "http://here.example/b.png"]
    assert found.text == "O U Two words"
    assert same_origin(found.links, "http://here.example") == ["http://here.example/up"]
