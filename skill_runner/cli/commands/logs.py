"""`skill logs`: what a run logged."""

from __future__ import annotations

import click

from skill_runner.runs import detached


@click.command(epilog="Example: skill logs kafka-7f3a --tail 50")
@click.argument("run")
@click.option(
    "--tail", default=200, show_default=True, type=click.IntRange(0), help="How many last lines."
)
def command(run: str, tail: int) -> int:
    """Print the log of RUN: steps, what was awaited, the output of Helm and of builds."""
    for line in detached.tail(run, tail):
        click.echo(line)
    return 0
