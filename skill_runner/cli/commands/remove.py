"""`skill remove`: undo an installation, from its record."""

from __future__ import annotations

import sys

import click

from skill_runner.actions import request
from skill_runner.actions.remove import finish, remove
from skill_runner.cli import connect
from skill_runner.cli.execute import execute
from skill_runner.cli.options import cluster_options, outcome_option
from skill_runner.cli.target import Asked
from skill_runner.errors import Refused, UsageError
from skill_runner.outcome import Outcome
from skill_runner.progress import Report
from skill_runner.runs.folder import Run


@click.command(
    epilog="""\b
Examples:
  skill remove kafka-k8s-setup --yes
  skill remove kafka-k8s-setup --yes --purge       its data volumes, too
  skill remove kafka-k8s-setup --yes --cascade     and what requires it, first
"""
)
@click.argument("name")
@click.option("-n", "--namespace", help="Namespace of the installation.")
@click.option("--purge", is_flag=True, help="Remove data volumes, too. This loses data.")
@click.option("--cascade", is_flag=True, help="Remove what requires it first.")
@click.option("--yes", is_flag=True, help="Do not ask. Needed where stdin is not a terminal.")
@cluster_options
@outcome_option
def command(
    name: str,
    namespace: str | None,
    purge: bool,
    cascade: bool,
    yes: bool,
    asked: Asked,
    output: str,
) -> int:
    """Remove installation NAME. Data volumes are kept, and named, unless --purge.

    Refused while another installation requires it, unless --cascade.
    """
    if not yes:
        confirm(name + (" and all that require it" if cascade else ""), purge)

    async def work(run: Run, report: Report) -> Outcome:
        async with connect.world(asked, report) as world:
            try:
                target = await request.find_record(world, name, namespace, purge=purge)
            except UsageError:
                if (finished := await finish(world, name, namespace, run.id)) is None:
                    raise
                return finished
            return await remove(world, [target], purge=purge, cascade=cascade, run=run.id)

    return execute(name, work, output=output, verbose=False, installation=name)


def confirm(what: str, purge: bool) -> None:
    """Ask before `what` is removed; Refused where nobody can be asked."""
    if not sys.stdin.isatty():
        raise Refused(
            f"removing {what} needs a confirmation, and stdin is not a terminal",
            hint="Confirm it: run the same command with --yes",
        )
    question = f"Remove {what} and its DATA VOLUMES?" if purge else f"Remove {what}?"
    if not click.confirm(question, err=True):
        raise click.Abort
