"""The kinds of reports, and what each is written by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from skill_runner.reports.findings import codequality, sarif
from skill_runner.reports.finished import Finished
from skill_runner.reports.junit import junit
from skill_runner.reports.markdown import markdown
from skill_runner.reports.page import html

KINDS: Final[Mapping[str, Callable[[Finished], str]]] = {
    "junit": junit,
    "markdown": markdown,
    "html": html,
    "sarif": sarif,
    "codequality": codequality,
}


def render(kind: str, finished: Finished) -> str:
    """The report of this kind, one of KINDS, as text."""
    return KINDS[kind](finished)
