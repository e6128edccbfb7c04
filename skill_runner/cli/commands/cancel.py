"""`skill cancel`: end a run, in this terminal or another, with all that it started."""

from __future__ import annotations

import asyncio
import json

import click

from skill_runner.backends.clock import SystemClock
from skill_runner.cli.options import output_option
from skill_runner.runs import cancel


@click.command(
    epilog="""\b
Examples:
  skill cancel kafka-7f3a
  skill cancel kafka-7f3a --grace 5 -o json
"""
)
@click.argument("run")
@click.option(
    "--grace",
    default=cancel.GRACE,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(0),
    help="How long it may take to stop in order and give its lock back.",
)
@output_option
def command(run: str, grace: float, output: str) -> int:
    """End RUN: ask it, as Ctrl-C does; ask it to hurry after --grace; kill it 15 s later.

    What it made stays; the next run of the installation continues from there.
    """
    how = asyncio.run(cancel.end(run, SystemClock(), grace=grace))
    document = cancel.told(run, how)
    click.echo(json.dumps(document) if output == "json" else cancel.in_words(document))
    return 0
