"""The report as one page: it stands alone, in light and dark, on a wide screen and on a phone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, StrictUndefined, Template, select_autoescape

from skill_runner import __version__
from skill_runner.outcome.words import words_of
from skill_runner.reports import drawing
from skill_runner.reports.finished import Finished, cases

_TEMPLATE: Final = Path(__file__).with_name("page.html.j2")


def html(finished: Finished) -> str:
    """The cause first where it failed; then the graph, the timeline, and every case as a table."""
    every = [case for case in cases(finished) if case.kind != "result"]
    return _template().render(
        it=finished,
        document=finished.document,
        problem=finished.problem,
        cases=every,
        graph=drawing.graph_of(finished),
        timeline=drawing.timeline_of(finished, every),
        drawing=drawing,
        words=words_of,
        version=__version__,
    )


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
