"""The graph of the installations and the timeline of a run, as plain positions to be drawn.

All lengths are in the units of an SVG's own coordinates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from skill_runner.reports.finished import Case, CaseState, Finished

BOX: Final = (210, 46)  # a node's width and height
GAP: Final = (60, 18)  # between layers, and between nodes of one
ROW: Final = 24  # height of a line of the timeline
LABELS: Final = 290  # width that the names of a timeline's lines take
BARS: Final = 610  # width of its longest bar


@dataclass(frozen=True, slots=True)
class Box:
    """An installation in the graph: its place, its state in one word, whether it is critical."""

    name: str
    state: str
    good: bool
    critical: bool
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Arrow:
    """From an installation to one that requires it."""

    start: tuple[int, int]
    end: tuple[int, int]
    critical: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """What requires what, in layers from left to right."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of the timeline: a step, a proof or an awaited object, from `start` in seconds."""

    installation: str
    kind: str
    name: str
    state: CaseState
    start: float
    seconds: float
    message: str
    critical: bool
    x: float = 0
    width: float = 0


@dataclass(frozen=True, slots=True)
class Timeline:
    """Lines in the order of their beginning, and marks of whole seconds."""

    bars: tuple[Bar, ...]
    marks: tuple[tuple[float, str], ...] = ()
    width: int = LABELS + BARS
    height: int = 0


@dataclass(slots=True)
class _Lines:
    """Lines of a timeline while the events are read."""

    began: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    waits: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    ready: set[tuple[str, str]] = field(default_factory=set)
    steps: list[tuple[str, str, str, float, float]] = field(default_factory=list)


def graph_of(finished: Finished) -> Graph:
    """The installations of the outcome; none for a command about a single one."""
    states = {s["installation"]: s["status"] for s in finished.document.get("skills", ())}
    needs = {
        event["installation"]: [each for each in event["requires"] if each in states]
        for event in finished.events
        if event["event"] == "Requires" and event["installation"] in states
    }
    critical = list(finished.document.get("critical_path", ()))
    chained = set(pairwise(critical))
    layers: dict[str, int] = {}
    for name in states:
        _layer(name, needs, layers, frozenset())
    places: dict[str, tuple[int, int]] = {}
    filled: dict[int, int] = {}
    for name, layer in layers.items():
        row = filled.get(layer, 0)
        filled[layer] = row + 1
        places[name] = (layer * (BOX[0] + GAP[0]) + 2, row * (BOX[1] + GAP[1]) + 2)
    boxes = tuple(
        Box(name, state, state in _GOOD, name in critical, *places[name])
        for name, state in states.items()
    )
    arrows = [
        _arrow(places[need], places[name], (need, name) in chained)
        for name, some in needs.items()
        for need in some
    ]
    arrows.sort(key=lambda arrow: arrow.critical)  # those are drawn over the others
    width = (max(filled, default=-1) + 1) * (BOX[0] + GAP[0]) - GAP[0] + 4
    height = max(filled.values(), default=0) * (BOX[1] + GAP[1]) - GAP[1] + 4
    return Graph(boxes, tuple(arrows), max(0, width), max(0, height))


_GOOD: Final = frozenset({"ready", "unchanged", "used", "planned", "removed"})


def _layer(
    name: str, needs: Mapping[str, Sequence[str]], layers: dict[str, int], above: frozenset[str]
) -> int:
    """One more than the deepest that it requires; a circle, which no run has, ends at itself."""
    if name not in layers:
        below = [each for each in needs.get(name, ()) if each not in above]
        depths = [_layer(each, needs, layers, above | {name}) for each in below]
        layers[name] = max(depths, default=-1) + 1
    return layers[name]


def _arrow(needed: tuple[int, int], needing: tuple[int, int], critical: bool) -> Arrow:
    start = (needed[0] + BOX[0], needed[1] + BOX[1] // 2)
    return Arrow(start, (needing[0], needing[1] + BOX[1] // 2), critical)


def timeline_of(finished: Finished, cases: Iterable[Case]) -> Timeline:
    """Every step, proof and wait with its beginning; empty where no events were kept."""
    lines = _read(finished)
    if not lines.steps and not lines.waits:
        return Timeline(())
    zero = min(float(event["at"]) for event in finished.events)
    known = {(case.installation, case.name): case for case in cases}
    critical = set(finished.document.get("critical_path", ())) or {finished.about}
    spans = [
        *lines.steps,
        *((where, "object", name, a, b) for (where, name), (a, b) in lines.waits.items()),
    ]
    end = max(span[4] for span in spans) - zero or 1.0
    bars = []
    for where, kind, name, began, ended in sorted(spans, key=lambda span: span[3]):
        case = known.get((where, name))
        bars.append(
            Bar(
                where,
                kind,
                name,
                case.state if case else "skipped",
                began - zero,
                ended - began,
                case.message if case else "",
                where in critical,
                x=LABELS + (began - zero) / end * BARS,
                width=max(2.0, (ended - began) / end * BARS),
            )
        )
    step = next(s for s in (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 1e9) if end / s <= 8)
    count = int(end / step) + 1
    marks = tuple((LABELS + i * step / end * BARS, f"{i * step:g} s") for i in range(count))
    return Timeline(tuple(bars), marks, height=(len(bars) + 1) * ROW)


def _read(finished: Finished) -> _Lines:
    lines = _Lines()
    for event in finished.events:
        where = str(event.get("of") or finished.about)
        at = float(event["at"])
        match event["event"]:
            case "StepStarted":
                lines.began[where, event["id"]] = event
            case "StepFinished":
                started = lines.began.pop((where, event["result"]["id"]), event)
                kind = started.get("kind", "step")
                lines.steps.append((where, kind, event["result"]["id"], float(started["at"]), at))
            case "Awaiting":
                for each in event["objects"]:
                    key = where, str(each["resource"])
                    if key not in lines.ready:
                        lines.waits[key] = (lines.waits.get(key, (at, at))[0], at)
                    if each["state"] == "ready":
                        lines.ready.add(key)
    return lines
