"""The output of `skill cluster`: progress on stderr, tables on stdout."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from skill_runner.clusters.base import ClusterInfo
from skill_runner.progress import Amount, Event, Line, Note, Report

QUIET = 15.0
"""Seconds without a line after which, off a terminal, the latest amount is told."""


@contextmanager
def watching(*, verbose: bool = False) -> Iterator[Report]:
    """A Report onto stderr: bars on a terminal, plain lines elsewhere."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield Lines(console, verbose)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bars(progress, verbose)


class Lines:
    """Plain lines: what is noted, and in long silences how far the work is."""

    def __init__(
        self, console: Console, verbose: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console, self._verbose, self._clock = console, verbose, clock
        self._last = clock()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Amount):
            if self._clock() - self._last >= QUIET:
                self._print(_amount(event))
        elif text := _text(event, self._verbose):
            self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)
        self._last = self._clock()


class Bars:
    """A bar for each amount, and lines above them."""

    def __init__(self, progress: Progress, verbose: bool) -> None:
        self._progress, self._verbose = progress, verbose
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, Amount):
            if event.what not in self._tasks:
                self._tasks[event.what] = self._progress.add_task(event.what, total=event.total)
            task = self._tasks[event.what]
            self._progress.update(
                task, completed=event.done, total=event.total, description=_amount(event)
            )
        elif text := _text(event, self._verbose):
            self._progress.console.print(text, markup=False, soft_wrap=True)


def _text(event: Event, verbose: bool) -> str:
    if isinstance(event, Note):
        return event.text
    return f"{event.source}: {event.text}" if isinstance(event, Line) and verbose else ""


def _amount(event: Amount) -> str:
    in_bytes = event.unit == "bytes"
    done = _size(int(event.done)) if in_bytes else f"{event.done:.0f} {event.unit}"
    of = f" of {_size(int(event.total))}" if in_bytes and event.total else ""
    return f"{event.what} ({done}{of})"


def print_clusters(found: Sequence[ClusterInfo]) -> None:
    """One line for each cluster."""
    table = Table("NAME", "PROVIDER", "STATE", "CONTEXT", "SERVER", "SINCE", "MEMORY", box=None)
    for info in found:
        table.add_row(
            info.name,
            info.provider,
            "running" if info.running else "ended",
            info.context,
            info.server,
            info.since,
            _size(info.memory),
        )
    Console(highlight=False, width=200).print(table)


def print_status(info: ClusterInfo) -> None:
    """One cluster, with its components."""
    out = Console(highlight=False, soft_wrap=True)
    state = "ready" if info.ready else "running" if info.running else "ended"
    out.print(f"{info.name} ({info.provider}): {state} {info.note}".rstrip(), markup=False)
    for label, value in (
        ("context", info.context),
        ("server", info.server),
        ("kubeconfig", info.kubeconfig),
        ("since", info.since),
        ("memory", _size(info.memory)),
        ("audit log", info.audit_log),
    ):
        if value:
            out.print(f"  {label:11} {value}", markup=False)
    if info.components:
        table = Table("COMPONENT", "STATE", "PID", "MEMORY", "SINCE", box=None)
        for part in info.components:
            state = "running" if part.running else "not running"
            table.add_row(part.name, state, str(part.pid or ""), _size(part.memory), part.since)
        out.print(table)


def _size(size: int | None) -> str:
    return "" if size is None else f"{size / 1024**2:.0f} MiB"
