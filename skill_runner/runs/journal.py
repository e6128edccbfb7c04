"""The journal of a run: redacted, kept in its folder, remembered for an outcome, passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any, Final

from skill_runner.progress import (
    Amount,
    Awaiting,
    Changing,
    Concerns,
    Connected,
    Event,
    Line,
    Note,
    Of,
    Report,
    Requires,
    RunStarted,
    Standing,
    StepFinished,
    StepResult,
    StepStarted,
)
from skill_runner.runs.folder import Run
from skill_runner.text.redact import Redactor

# Fields whose words are ours: a secret that happens to be one of them says nothing.
OURS: Final = frozenset({"id", "run", "status", "state", "details", "context", "server"})


class Journal:
    """A Report. `steps`, `cluster` and `changed` are what an interrupted run's outcome needs.

    `now` gives seconds since the epoch. A folder that cannot be written any more (a full disk)
    does not end the run.
    """

    def __init__(self, run: Run, sinks: Iterable[Report], now: Callable[[], float]) -> None:
        self.steps: list[StepResult] = []
        self.cluster: dict[str, str] = {}
        self.changed = False
        self._run = run
        self._sinks = tuple(sinks)
        self._now = now

    def __call__(self, event: Event) -> None:
        event = redacted_event(event, self._run.redactor)
        self._remember(event)
        at = self._now()
        with suppress(OSError):
            self._run.event(event, at)
            text = words(event)
            if text:
                self._run.log(f"{datetime.fromtimestamp(at):%H:%M:%S} {text}")
        for sink in self._sinks:
            sink(event)

    def _remember(self, event: Event) -> None:
        match event:
            case Of(event=inner):
                self._remember(inner)
            case Connected(context=context, server=server):
                self.cluster = {"context": context, "server": server}
            case Changing():
                self.changed = True
            case StepFinished(result=result):
                self.steps.append(result)


def redacted_event(event: Event, redactor: Redactor) -> Event:
    """The event without secret values in its texts."""
    clean: Event = _redacted(event, redactor)
    return clean


def _redacted(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.text(value)
    if isinstance(value, tuple):
        return tuple(_redacted(item, redactor) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value) if field.name not in OURS]
        return replace(value, **{n: _redacted(getattr(value, n), redactor) for n in names})
    return value


def words(event: Event) -> str:
    """An event as one line of a log; empty for what only a screen can show."""
    match event:
        case Of(installation=installation, event=inner):
            said = words(inner)
            return f"{installation}: {said}" if said else ""
        case RunStarted(run=run):
            return f"run {run}"
        case Connected(context=context, server=server):
            return f"cluster {context} {server}"
        case Concerns(installation=installation, skill=skill):
            return f"{installation} of {skill}"
        case Requires(installation=installation, requires=requires):
            return f"{installation} requires {', '.join(requires)}" if requires else ""
        case Changing(installation=installation):
            return f"changing {installation}"
        case StepStarted(title=title):
            return f"{title} …"
        case StepFinished(result=result):
            said = f": {result.message}" if result.message else ""
            return f"{result.id} {result.status}{said} ({result.seconds:.1f} s)"
        case Awaiting(objects=objects):
            left = [o for o in objects if o.state != "ready"]
            return "; ".join(f"{o.resource}: {o.words}" for o in left)
        case Note(text=said) | Standing(words=said):
            return said
        case Line(source=source, text=text):
            return f"{source}: {text}"
        case Amount():
            return ""
