"""Run a command's coroutine to one outcome: signals, errors, the run's folder, the exit code."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import click

from skill_runner.cli.display import View, print_outcome
from skill_runner.cli.options import DEADLINE
from skill_runner.cli.recording import RUN
from skill_runner.cli.reporting import Timeline, write_reports
from skill_runner.cli.signals import Interrupts
from skill_runner.errors import SkillError
from skill_runner.outcome import Outcome, from_error, redacted, to_json
from skill_runner.progress import Amount, Event, Report, RunStarted
from skill_runner.runs.folder import OUTCOME, Run, event_data, start_run
from skill_runner.runs.journal import Journal
from skill_runner.runs.process import Holder
from skill_runner.scope import Scope
from skill_runner.text.redact import Redactor

Work = Callable[[Run, Report], Awaitable[Outcome]]


def execute(label: str, work: Work, *, output: str, verbose: bool, installation: str = "") -> int:
    """Run `work` with a run's folder and a view; print the one outcome; the exit code.

    `output` is text, json (one document on stdout) or jsonl (events, then the document).
    """
    began = time.monotonic()
    with Interrupts() as interrupts:
        told = Timeline()
        outcome, run, journal = _work(label, work, interrupts, told, output, verbose, installation)
        interrupts.finish()
        outcome = replace(outcome, seconds=outcome.seconds or time.monotonic() - began)
        outcome = _completed(outcome, run, journal)
        _show(outcome, run, output)
        write_reports(outcome, told.events)
    return outcome.exit_code


def _work(
    label: str,
    work: Work,
    interrupts: Interrupts,
    told: Timeline,
    output: str,
    verbose: bool,
    installation: str,
) -> tuple[Outcome, Run | None, Journal | None]:
    """The outcome of the work, whatever happens, and where its run and its journal are."""
    run: Run | None = None
    journal: Journal | None = None
    context = click.get_current_context(silent=True)
    seconds = context.meta.get(DEADLINE) if context else None
    try:
        run = _begin(label, installation)
        with View(verbose=verbose) as view:
            sinks: list[Report] = [view, told, *([_stream] if output == "jsonl" else [])]
            journal = Journal(run, sinks, time.time)
            journal(RunStarted(run.id, str(run.folder)))
            outcome = asyncio.run(interrupts.run(_within(seconds, work(run, journal))))
    except _OutOfTime:
        steps = journal.steps if journal else ()
        outcome = from_error.out_of_time(seconds or 0.0, installation, steps)
    except SkillError as error:
        outcome = from_error.outcome_of(error, installation=installation)
    except (asyncio.CancelledError, KeyboardInterrupt):
        steps = journal.steps if journal else ()
        outcome = from_error.interrupted(installation, steps, by=interrupts.name)
    except Exception as error:
        outcome = _bug(error, run, installation)
    return outcome, run, journal


class _OutOfTime(Exception):
    pass


async def _within(seconds: float | None, work: Awaitable[Outcome]) -> Outcome:
    """The outcome; _OutOfTime once the work was cancelled at its deadline and has cleaned up."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError:
        if limit.expired():
            raise _OutOfTime from None
        raise


def _begin(label: str, installation: str) -> Run:
    run = start_run(label, now=time.time())
    context = click.get_current_context(silent=True)
    command = (context.info_name if context else None) or ""
    if context:
        context.meta[RUN] = run
    run.introduce(command, label, installation, Holder.here(), Scope.here())
    return run


def _stream(event: Event) -> None:
    if not isinstance(event, Amount):  # progress bars are for eyes only
        click.echo(json.dumps(event_data(event, time.time()), ensure_ascii=False))


def _completed(outcome: Outcome, run: Run | None, journal: Journal | None) -> Outcome:
    """With what every outcome says, and without secrets."""
    if run is not None:
        outcome = replace(outcome, run=run.id, details=str(run.folder))
    if journal is not None:
        cluster = outcome.cluster or journal.cluster
        outcome = replace(outcome, cluster=cluster, changed=outcome.changed or journal.changed)
    return redacted(outcome, run.redactor if run else Redactor(()))


def _show(outcome: Outcome, run: Run | None, output: str) -> None:
    text = to_json(outcome)
    if run is not None:
        with suppress(OSError):  # a full disk must not cost the caller the answer
            run.keep(OUTCOME, text)
    if output == "text":
        print_outcome(outcome)
    else:
        click.echo(text)


def _bug(error: Exception, run: Run | None, installation: str) -> Outcome:
    where = "the traceback is on stderr"
    if run is not None:
        with suppress(OSError):
            run.write("bug.txt", "".join(traceback.format_exception(error)))
            where = "the traceback is in the run's folder, bug.txt"
    return from_error.bug(error, where, installation=installation)
