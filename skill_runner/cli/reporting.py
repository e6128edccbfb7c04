"""Reports that a command was asked for, and those that GitHub Actions always gets.

Everything that can be wrong with a report's file is said before the command begins; a file that
cannot be written at the end is told on stderr, and changes neither outcome nor exit code.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from skill_runner.outcome import Outcome, to_dict
from skill_runner.progress import Event
from skill_runner.reports import KINDS, Finished, render
from skill_runner.runs.folder import event_data

REPORTS: Final = "skill_runner.reports"  # keys of click's context, which nested commands share
NO_CI: Final = "skill_runner.no_ci"
_SUMMARY: Final = "GITHUB_STEP_SUMMARY"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One report: its kind, one of KINDS, and its file."""

    kind: str
    file: Path


@dataclass(slots=True)
class Timeline:
    """A sink of a run's events, which keeps them as plain data with their times."""

    events: list[Mapping[str, Any]] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.events.append(event_data(event, time.time()))


def keep_reports(
    context: click.Context, _: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Check every KIND=FILE before anything happens, and keep them for `write_reports`."""
    wanted: list[Wanted] = []
    for value in values:
        kind, _equals, name = value.partition("=")
        if kind not in KINDS or not name:
            raise click.BadParameter(
                f"{value!r}: expected KIND=FILE, such as junit=report.xml; "
                f"the kinds are {', '.join(KINDS)}"
            )
        file = Path(name).absolute()
        if any(file == other.file for other in wanted):
            raise click.BadParameter(f"two reports would be written to {name}")
        _check_writable(file, name)
        wanted.append(Wanted(kind, file))
    context.meta[REPORTS] = tuple(wanted)
    return values


def keep_no_ci(context: click.Context, _: click.Parameter, value: bool) -> bool:
    """Keep --no-ci for `write_reports`."""
    context.meta[NO_CI] = value
    return value


def _check_writable(file: Path, name: str) -> None:
    if file.is_dir():
        raise click.BadParameter(f"{name} is a folder; name a file in it")
    # Folders that are missing are made when the report is written.
    there = next(parent for parent in file.parents if parent.exists())
    if not there.is_dir():
        raise click.BadParameter(f"{name} cannot be written: {there} is no folder")
    try:  # nothing stays: rights, a read-only or a full disk are known only by trying
        with file.open("ab") if file.exists() else tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise click.BadParameter(f"{name} cannot be written: {error.strerror}") from None


def write_reports(outcome: Outcome, events: Sequence[Mapping[str, Any]]) -> None:
    """Write what was asked for; in GitHub Actions also the job's summary and one annotation."""
    context = click.get_current_context(silent=True)
    if context is None:
        return
    named = context.params.get("file")
    finished = Finished(
        command=context.info_name or "",
        document=to_dict(outcome),
        events=events,
        file=str(named) if isinstance(named, (str, Path)) else "",
    )
    for wanted in context.meta.get(REPORTS, ()):
        write_report(wanted, finished)
    if os.environ.get("GITHUB_ACTIONS") == "true" and not context.meta.get(NO_CI):
        _tell_github(finished)


def write_report(wanted: Wanted, finished: Finished) -> bool:
    """Write one report, at once and whole; False, and a word on stderr, where that fails."""
    half = wanted.file.with_name(f".{wanted.file.name}.{os.getpid()}")
    try:
        wanted.file.parent.mkdir(parents=True, exist_ok=True)
        half.write_text(render(wanted.kind, finished), encoding="utf-8")
        half.replace(wanted.file)
    except OSError as error:
        half.unlink(missing_ok=True)
        click.echo(
            f"the {wanted.kind} report was not written: {wanted.file}: {error.strerror}", err=True
        )
        return False
    return True


def _tell_github(finished: Finished) -> None:
    """Append to the job's summary; a failure is one annotation, with the root cause.

    The annotation goes to stderr, which the runner reads as well: stdout is the caller's.
    """
    summary = os.environ.get(_SUMMARY)
    if summary:
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(render("markdown", finished) + "\n")
        except OSError as error:
            click.echo(f"the job's summary was not written: {error.strerror}", err=True)
    problem = finished.problem
    if problem is None or finished.good:
        return
    where = f"file={_property(finished.file)}," if finished.file else ""
    title = _property(f"{finished.about}: {problem['code']}")
    about = f"{problem['resource']}: " if problem["resource"] else ""
    click.echo(f"::error {where}title={title}::{_data(about + problem['cause'])}", err=True)


def _data(text: str) -> str:
    """As the toolkit's `escapeData` does."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """As the toolkit's `escapeProperty` does."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
