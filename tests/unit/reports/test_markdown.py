"""Markdown, as a renderer of another hand shows it."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from skill_runner.reports import Finished
from skill_runner.reports.markdown import code, markdown
from tests.unit.reports.played import CAUSE, HOSTILE, hostile, platform, ready


def shown(text: str) -> str:
    return str(MarkdownIt("gfm-like", {"linkify": False}).render(text))


def test_the_cause_comes_first_and_then_its_evidence() -> None:
    lines = markdown(platform()).splitlines()
    assert lines[0] == "### ❌ shop: failed"
    assert lines[2] == f"**PROOF\\_FAILED** in `proof delivery of app/app`: {CAUSE}"
    assert lines[4:8] == [
        "```text",
        "log app/app-0: ValueError: <b>",
        "event Pod app/app-0: Unhealthy",
        "```",
    ]
    assert "- `skill why app` (what is wrong now)" in lines
    assert "- `password`: `key c of Secret a/b`" in lines


def test_failures_stand_at_the_top_of_the_table() -> None:
    rows = [line for line in markdown(platform()).splitlines() if line.startswith("| ❌")]
    assert len(rows) == 1
    body = markdown(platform())
    assert body.index("| ❌ | app/app | proof delivery") < body.index(
        "| ✅ | bus/bus | step release"
    )


@pytest.mark.parametrize("finished", [hostile()], ids=["hostile"])
def test_foreign_text_is_text(finished: Finished) -> None:
    page = shown(markdown(finished))
    for element in ("<script", "<img", "<a ", 'javascript:alert(1)"', "<h1"):
        assert element not in page
    assert "\n::error" not in markdown(finished)
    assert page.count("<table>") == 2


def test_a_span_of_code_is_longer_than_the_backticks_in_it() -> None:
    assert code("a ``b` c") == "``` a ``b` c ```"
    assert shown(code(HOSTILE)).count("<code>") == 1


def test_the_good_end_is_short() -> None:
    assert markdown(ready()).splitlines() == ["### ✅ bus/bus: unchanged", "", "0 s"]


def test_it_stays_within_the_size_of_a_comment() -> None:
    many = platform()
    steps = [e for e in many.events if e["event"] == "StepFinished"] * 2_000
    assert len(markdown(Finished("up", many.document, steps)).encode()) < 65_536
