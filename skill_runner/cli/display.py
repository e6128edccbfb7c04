"""Show a run while it lasts: a live view on a terminal, plain lines elsewhere; all on stderr."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from skill_runner.outcome import Outcome, to_dict
from skill_runner.outcome.words import words_of
from skill_runner.progress import (
    Amount,
    Awaiting,
    Event,
    Line,
    Note,
    ObjectState,
    Of,
    Standing,
    StepFinished,
    StepStarted,
)
from skill_runner.text.redact import strip_control

HEARTBEAT: Final = 20.0  # seconds; some callers give up on a silent child after 300 s
ROWS: Final = 6  # installations; where there are more, those that went well share a row
FINE: Final = frozenset({"ready", "unchanged", "used", "removed"})
MARKS: Final = {
    "done": ("✓", "green"),
    "unchanged": ("=", "green"),
    "failed": ("✗", "red"),
    "not ready": ("…", "yellow"),
    "skipped": ("-", "dim"),
    "not run": ("-", "dim"),
    "interrupted": ("!", "yellow"),
    "blocked": ("-", "yellow"),
}


class View:
    """A Report. On a terminal the awaited objects are redrawn in place; elsewhere, lines.

    Elsewhere a thread says every HEARTBEAT seconds what is awaited, so that a hook that blocks
    cannot silence it. `monotonic` gives seconds; `pause` waits that many, and is true at the end.
    """

    def __init__(
        self,
        *,
        verbose: bool = False,
        prefix: str = "",
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        self.prefix = prefix
        self.lanes: dict[str, View] = {}
        self.console = Console(stderr=True, highlight=False)
        self.verbose = verbose
        self.monotonic = monotonic
        self.step = ""
        self.standing = ""
        self.began = monotonic()
        self.objects: tuple[ObjectState, ...] = ()
        self.open: tuple[ObjectState, ...] = ()  # of steps before, and still awaited
        self.amount: Amount | None = None
        self.warned: set[str] = set()
        self.spoke = monotonic()
        self.live: Live | None = None
        self.over = threading.Event()
        self.pause = pause or self.over.wait
        self.heart = threading.Thread(target=self._beat, name="skill-view", daemon=True)

    def __enter__(self) -> View:
        if self.console.is_terminal:
            self.live = Live(
                console=self.console,
                get_renderable=self._table,
                refresh_per_second=8,
                transient=True,
            )
            self.live.start()
        else:
            self.heart.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
        if self.live:
            self.live.stop()
        else:
            self.heart.join()

    def __call__(self, event: Event) -> None:
        match event:
            case Of(installation=installation, event=inner):
                self._lane(installation)(inner)
            case StepStarted(title=title):
                self._leave(self.objects)
                self.step, self.objects, self.amount = title, (), None
                self.began = self.monotonic()
                if not self.live:
                    self._say(f"  {title} …")
            case StepFinished(result=result):
                mark, style = MARKS[result.status]
                words = f": {result.message}" if result.message else ""
                self._say(f"{mark} {self.step or result.id}{words} ({result.seconds:.1f} s)", style)
                self._leave(self.objects)
                self.step, self.objects = "", ()
            case Awaiting(objects=objects):
                self.objects, self.open = objects, ()
                self._warn(objects)
            case Amount():
                self.amount = event
            case Note(text=text):
                self._say(f"  {text}")
            case Standing(words=words):
                self.standing = words
                if not self.live:
                    self._say(f"  {words}")
            case Line(source=source, text=text):
                if self.verbose:
                    self._say(f"  {source}: {text}", "dim")

    def _lane(self, installation: str) -> View:
        """Render one installation, where several are at work at once."""
        if installation not in self.lanes:
            lane = View(verbose=self.verbose, prefix=f"{installation}: ", monotonic=self.monotonic)
            lane.console, lane.live = self.console, self.live
            self.lanes[installation] = lane
        return self.lanes[installation]

    def _leave(self, objects: tuple[ObjectState, ...]) -> None:
        self.open = tuple(o for o in objects if o.state != "ready") or self.open

    def _warn(self, objects: tuple[ObjectState, ...]) -> None:
        for item in objects:
            if item.warning and item.warning not in self.warned:
                self.warned.add(item.warning)
                self._say(f"  ! {item.resource}: {item.words}", "yellow")

    def _beat(self) -> None:
        """Speak when nothing was said for HEARTBEAT seconds, until the view is closed."""
        while not self.pause(max(0.1, self._spoke() + HEARTBEAT - self.monotonic())):
            if self.monotonic() - self._spoke() >= HEARTBEAT:
                self._say(f"  still waiting ({self.monotonic() - self.began:.0f} s): {self._now()}")

    def _spoke(self) -> float:
        return max([self.spoke, *(lane.spoke for lane in list(self.lanes.values()))])

    def _now(self) -> str:
        """Say what is awaited at this moment, in a few words."""
        lanes = [f"{lane.prefix}{lane._now()}" for lane in list(self.lanes.values()) if lane.step]
        if lanes:
            return "; ".join(lanes)
        left = [f"{o.resource}: {o.message}" for o in self.objects if o.state != "ready"]
        if not left and not self.step and not self.amount:
            left = [f"{o.resource}: {o.message}" for o in self.open]
        if left:
            return "; ".join(left[:3])
        return f"{self.step}{self._progress()}" if self.step or self.amount else "working"

    def _progress(self) -> str:
        if not self.amount:
            return ""
        total = f" of {self.amount.total:g}" if self.amount.total else ""
        return f"  {self.amount.what} {self.amount.done:g}{total} {self.amount.unit}"

    def _say(self, text: str, style: str = "") -> None:
        self.spoke = self.monotonic()
        self.console.print(Text(self.prefix + text, style=style), soft_wrap=True)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for lane in self.lanes.values():
            if lane.step:
                table.add_row(lane._table())
            elif lane.standing:
                table.add_row(Text(f"  {lane.prefix}{lane.standing}", style="dim"))
        if not self.step:
            return table
        seconds = self.monotonic() - self.began
        head = f"⋯ {self.prefix}{self.step} {seconds:.0f} s{self._progress()}"
        table.add_row(Text(head, style="cyan"))
        for item in self.objects[:12]:
            mark = "✓" if item.state == "ready" else "·"
            table.add_row(Text(f"    {mark} {item.resource}: {item.message}", style="dim"))
        return table


def print_outcome(outcome: Outcome) -> None:
    """The outcome for a person, on stdout."""
    print_document(to_dict(outcome))


def print_document(document: Mapping[str, Any]) -> None:
    """An outcome's document for a person, on stdout."""
    console = Console(highlight=False, stderr=False)
    good = document["exit_code"] == 0
    head = f"{document['installation'] or 'skill'}: {document['status'].replace('_', ' ')}"
    console.print(Text(head, style="bold green" if good else "bold red"), soft_wrap=True)
    rows = _skill_rows(document.get("skills", ()))
    if document.get("critical_path"):
        rows.append(f"  critical path: {' → '.join(document['critical_path'])}")
    rows += [f"  proof {key}: {value}" for key, value in document["proof"].items()]
    rows += [f"  {_edge_line(edge)}" for edge in document.get("edges", ())]
    rows += [f"  {key}: {words_of(value)}" for key, value in document["outputs"].items()]
    rows += [f"  note: {note}" for note in document.get("notes", ())]
    rows += _problem(document["problem"]) if "problem" in document else []
    if document["cluster"]:
        rows.append("  cluster: {context} {server}".format(**document["cluster"]))
    if document["details"]:
        rows.append(f"  details: {document['details']}")
    for row in rows:
        console.print(Text(strip_control(row)), soft_wrap=True)
    sys.stdout.flush()


def _skill_rows(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """A row for each installation; of many, those of which there is nothing to tell share one."""
    if len(lines) <= ROWS:
        return [f"  {_skill_line(line)}" for line in lines]
    quiet = [each for each in lines if each["status"] in FINE and not each.get("message")]
    rows = [f"  {_skill_line(line)}" for line in lines if line not in quiet]
    for status in dict.fromkeys(each["status"] for each in quiet):
        named = [
            f"{each['installation']} {each['seconds']:.1f} s"
            for each in quiet
            if each["status"] == status
        ]
        rows.append(f"  {len(named)} {status}: {', '.join(named)}")
    return rows


def _edge_line(edge: Mapping[str, Any]) -> str:
    words = f": {edge['message']}" if edge.get("message") else ""
    took = f" ({edge['seconds']:.1f} s)" if edge["seconds"] else ""
    mark = {"seen": "✓", "broken": "✗"}.get(edge["status"], "-")
    said = "" if edge["status"] == "seen" else f" {edge['status']}"
    return f"{mark} {edge['from']} → {edge['to']} by {edge['by']}{said}{words}{took}"


def _skill_line(line: Mapping[str, Any]) -> str:
    took = f" ({line['seconds']:.1f} s)" if line["seconds"] else ""
    words = f": {line['message']}" if line.get("message") else ""
    needs = f"; requires {', '.join(line['requires'])}" if line.get("requires") else ""
    what = line["status"].replace("_", " ")
    return f"{line['installation']} [{line['skill']} {line['version']}] {what}{took}{words}{needs}"


def _problem(problem: Mapping[str, Any]) -> list[str]:
    where = f" in {problem['resource']}" if problem["resource"] else ""
    return [
        f"  {problem['code']}{where}",
        f"  {problem['cause']}",
        *(f"    | {line}" for line in problem["evidence"]),
        *([f"  fix: {problem['fix']}"] if problem.get("fix") else []),
        *(
            f"  next: {n['run']}" + (f"   ({n['why']})" if n.get("why") else "")
            for n in problem["next"]
        ),
    ]
