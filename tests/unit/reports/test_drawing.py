"""Places of boxes, arrows and bars."""

from __future__ import annotations

from dataclasses import replace

from skill_runner.reports import cases
from skill_runner.reports.drawing import BARS, LABELS, Bar, graph_of, timeline_of
from tests.unit.reports.played import APP, BUS, PAGE, platform, ready


def test_what_requires_stands_to_the_right_of_what_it_requires() -> None:
    graph = graph_of(platform())
    places = {box.name: box.x for box in graph.boxes}
    assert places[BUS] < places[APP] < places[PAGE]
    assert len({box.y for box in graph.boxes}) == 1
    assert all(box.x + 200 < graph.width for box in graph.boxes)


def test_the_critical_path_is_marked() -> None:
    graph = graph_of(platform())
    assert {box.name for box in graph.boxes if box.critical} == {BUS, APP}
    assert [arrow.critical for arrow in graph.arrows] == [False, True]


def test_a_circle_ends() -> None:
    it = platform()
    events = [*it.events, {"event": "Requires", "at": 1.0, "installation": BUS, "requires": [PAGE]}]
    assert len(graph_of(replace(it, events=events)).boxes) == 3


def test_fifty_installations_overlap_nowhere() -> None:
    it = platform()
    line = it.document["skills"][0]
    skills = [{**line, "installation": f"a/{i}"} for i in range(50)]
    graph = graph_of(replace(it, document={**it.document, "skills": skills}))
    assert len({(box.x, box.y) for box in graph.boxes}) == 50


def bars() -> list[Bar]:
    it = platform()
    return list(timeline_of(it, cases(it)).bars)


def test_a_bar_lasts_as_long_as_its_step_or_wait() -> None:
    assert [(b.installation, b.name, b.start, b.seconds) for b in bars()] == [
        (BUS, "release", 0.0, 4.0),
        (BUS, "StatefulSet bus/bus", 1.0, 2.0),
        (APP, "release", 4.0, 2.0),
        (APP, "delivery", 6.0, 3.0),
    ]
    assert bars()[0].x == LABELS
    assert bars()[-1].x + bars()[-1].width == LABELS + BARS


def test_bars_are_of_their_cases() -> None:
    assert [b.state for b in bars()] == ["passed", "passed", "passed", "failed"]


def test_nothing_is_drawn_of_nothing() -> None:
    assert graph_of(ready()).boxes == ()
    assert timeline_of(ready(), ()).bars == ()
