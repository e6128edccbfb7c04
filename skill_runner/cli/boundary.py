"""The error boundary: every exception becomes words, or one outcome document, and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import click

from skill_runner.cli.signals import as_interrupts
from skill_runner.errors import SkillError, UsageError
from skill_runner.outcome import from_error

_DETACHED: Final = "SKILL_DETACHED_RUN"  # runs.DETACHED, whose module help does not need


def guard(call: Callable[[], Any], arguments: Sequence[str] = ()) -> int:
    """Call, and turn what it returns or raises into an exit code.

    With `-o json` or `-o jsonl` among the arguments, errors are told as an outcome on stdout, as
    everything that a command gets to say by itself is.
    """
    programs = wants_document(arguments) or _DETACHED in os.environ
    try:
        with as_interrupts():
            result = call()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        return _answer(_in_our_words(error)) if programs else _show(error)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return _answer(KeyboardInterrupt()) if programs else 130
    except SkillError as error:
        if programs:
            return _answer(error)
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    except Exception as error:
        click.echo("a bug in skill; please report it with this text:", err=True)
        traceback.print_exc(file=sys.stderr)
        return _answer(error) if programs else 70
    return result if isinstance(result, int) else 0


def wants_document(arguments: Sequence[str]) -> bool:
    """Tell whether the caller is a program, by its -o; asked of arguments that may be wrong."""
    wanted = ""
    for position, word in enumerate(arguments):
        if word == "--":
            break
        if word in ("-o", "--output"):
            wanted = "".join(arguments[position + 1 : position + 2])
        elif word.startswith("--output="):
            wanted = word.removeprefix("--output=")
        elif word.startswith("-o") and len(word) > 2:
            wanted = word[2:].removeprefix("=")
    return wanted in ("json", "jsonl")


def _show(error: click.ClickException) -> int:
    error.show()
    if _asks_for_json(error):
        click.echo("One JSON document: -o json", err=True)
    return error.exit_code


def _in_our_words(error: click.ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "skill"
    hint = f"{path} -o json" if _asks_for_json(error) else f"{path} --help"
    return UsageError(error.format_message(), hint=hint)


def _asks_for_json(error: click.ClickException) -> bool:
    return isinstance(error, click.NoSuchOption) and error.option_name == "--json"


def _answer(error: BaseException) -> int:
    """The outcome of an error on stdout; imported late, since help needs none of it."""
    from skill_runner.outcome import redacted, to_json
    from skill_runner.runs.folder import OUTCOME, open_run
    from skill_runner.text.redact import Redactor

    if isinstance(error, SkillError):
        outcome = from_error.outcome_of(error)
    elif isinstance(error, Exception):
        outcome = from_error.bug(error, "the traceback is on stderr")
    else:
        outcome = from_error.interrupted()
    # In a worker that ended before it took its run over:
    run = open_run(os.environ[_DETACHED]) if _DETACHED in os.environ else None
    if run is not None:
        outcome = replace(outcome, run=run.id, details=str(run.folder))
    text = to_json(redacted(outcome, Redactor(())))
    click.echo(text)
    if run is not None:
        run.keep(OUTCOME, text)
    return outcome.exit_code
