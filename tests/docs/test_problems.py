"""Every code has its remedy page, and every page a code."""

from __future__ import annotations

from typing import get_args

import pytest

from skill_runner.outcome import Code
from tests.support.paths import ROOT

PAGES = ROOT / "docs" / "reference" / "problems"


def test_codes_and_pages_are_the_same() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == set(get_args(Code))


@pytest.mark.parametrize("code", get_args(Code))
def test_a_page_says_what_it_means_how_to_see_it_and_how_to_fix_it(code: str) -> None:
    text = (PAGES / f"{code}.md").read_text()
    assert text.startswith(f"# {code}\n")
    for heading in ("What it means", "How to see it", "How to fix it"):
        assert f"\n## {heading}\n\n" in text
