"""`skill verify`: readiness and proofs of what an installation's record says."""

from __future__ import annotations

import click

from skill_runner.actions import verify
from skill_runner.cli import connect
from skill_runner.cli.execute import execute
from skill_runner.cli.options import cluster_options, library_option, outcome_option
from skill_runner.cli.target import Asked
from skill_runner.outcome import Outcome
from skill_runner.progress import Report
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library


@click.command(
    epilog="""\b
Examples:
  skill verify kafka-k8s-setup
  skill verify kafka-k8s-setup --observe -o json      only reads
"""
)
@click.argument("name")
@click.option("-n", "--namespace", help="Namespace of the installation.")
@click.option("--observe", is_flag=True, help="Only read: no proof that writes.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait for readiness.")
@library_option
@cluster_options
@outcome_option
def command(
    name: str,
    namespace: str | None,
    observe: bool,
    timeout: float,
    library: Library,
    asked: Asked,
    output: str,
) -> int:
    """Look at installation NAME in the cluster, and prove again that it works."""

    async def work(run: Run, report: Report) -> Outcome:
        async with connect.world(asked, report) as world:
            return await verify.verify(
                world, run, library, name, namespace, observe=observe, timeout=timeout
            )

    return execute(name, work, output=output, verbose=False, installation=name)
