"""The pages hang together: each is found from the first one, and every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.pages import ROOT, written_pages

LINK = re.compile(r"\]\(([^)\s]+)\)")
KINDS = ("tutorial", "howto", "explanation")


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and Docusaurus make them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_page_leads_to_every_page_of_a_kind(kind: str) -> None:
    links = set(LINK.findall((ROOT / "docs" / "index.md").read_text("utf-8")))
    pages = {f"{kind}/{page.name}" for page in (ROOT / "docs" / kind).glob("*.md")}
    assert pages
    assert not pages - links


@pytest.mark.parametrize(
    "page", written_pages(), ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text("utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in link:
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), link
        if anchor:
            assert anchor in _anchors(there), link
