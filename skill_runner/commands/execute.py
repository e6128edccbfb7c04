"""Run a command's coroutine to one outcome: signals, errors, the run's folder, the exit code."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

import click

from skill_runner import failure
from skill_runner.commands.show import View, print_outcome
from skill_runner.commands.tape import RUN
from skill_runner.errors import SkillError
from skill_runner.holder import Holder
from skill_runner.journal import Journal
from skill_runner.outcome import Outcome, redacted, to_json
from skill_runner.progress import Amount, Event, Report, RunStarted
from skill_runner.redact import Redactor
from skill_runner.runs import OUTCOME, Run, event_data, start_run

Work = Callable[[Run, Report], Awaitable[Outcome]]
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def execute(label: str, work: Work, *, output: str, verbose: bool, installation: str = "") -> int:
    """Run `work` with a run's folder and a view; print the one outcome; the exit code.

    `output` is text, json (one document on stdout) or jsonl (events, then the document).
    """
    began = time.monotonic()
    run: Run | None = None
    journal: Journal | None = None
    try:
        run = _begin(label, installation)
        with View(verbose=verbose) as view:
            journal = Journal(run, [view, *([_stream] if output == "jsonl" else [])], time.time)
            journal(RunStarted(run.id, str(run.folder)))
            outcome = asyncio.run(_interruptible(work(run, journal)))
    except SkillError as error:
        outcome = failure.outcome_of(error, installation=installation)
    except (asyncio.CancelledError, KeyboardInterrupt):
        outcome = failure.interrupted(installation, journal.steps if journal else ())
    except Exception as error:
        outcome = _bug(error, run, installation)
    with _undisturbed():
        seconds = outcome.seconds or time.monotonic() - began
        _show(_completed(replace(outcome, seconds=seconds), run, journal), run, output)
    return outcome.exit_code


def _begin(label: str, installation: str) -> Run:
    run = start_run(label, now=time.time())
    context = click.get_current_context(silent=True)
    command = (context.info_name if context else None) or ""
    if context:
        context.meta[RUN] = run
    run.introduce(command, label, installation, Holder.here())
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


async def _interruptible(work: Awaitable[Outcome]) -> Outcome:
    """The first SIGINT or SIGTERM cancels the work; more of them leave its clean-up alone."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        for number in SIGNALS:
            loop.add_signal_handler(number, _cleaning_up)
        task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, interrupt)
    try:
        return await task
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _cleaning_up() -> None:
    sys.stderr.write("interrupted already: ending what runs, and giving the lock back\n")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A signal that comes while the outcome is written does not cut it off."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bug(error: Exception, run: Run | None, installation: str) -> Outcome:
    where = "the traceback is on stderr"
    if run is not None:
        with suppress(OSError):
            run.write("bug.txt", "".join(traceback.format_exception(error)))
            where = "the traceback is in the run's folder, bug.txt"
    return failure.bug(error, where, installation=installation)
