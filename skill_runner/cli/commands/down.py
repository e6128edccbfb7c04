"""`skill down FILE`: remove a whole platform."""

from __future__ import annotations

from pathlib import Path

import click

from skill_runner.actions.platform import read_platform
from skill_runner.actions.remove import remove
from skill_runner.backends.world import cluster_of
from skill_runner.cli import connect
from skill_runner.cli.commands.remove import confirm
from skill_runner.cli.execute import execute
from skill_runner.cli.options import cluster_options, outcome_option
from skill_runner.cli.target import Asked
from skill_runner.installations import store
from skill_runner.outcome import Outcome
from skill_runner.plan import Installation
from skill_runner.progress import Report
from skill_runner.runs.folder import Run
from skill_runner.skill.library import default_library


@click.command(
    epilog="""\b
Examples:
  skill down platform.yaml --yes
  skill down platform.yaml --yes --purge           data volumes, too
"""
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--purge", is_flag=True, help="Remove data volumes, too. This loses data.")
@click.option("--cascade", is_flag=True, help="Remove what else requires them, too.")
@click.option("--yes", is_flag=True, help="Do not ask. Needed where stdin is not a terminal.")
@cluster_options
@outcome_option
def command(
    file: Path,
    purge: bool,
    cascade: bool,
    yes: bool,
    asked: Asked,
    output: str,
) -> int:
    """Remove every installation that FILE lists, dependents first.

    What is there only because these require it goes too; what others use is refused.
    """
    platform = read_platform(file, default_library())
    if not yes:
        confirm(f"the {len(platform.wanted)} installations of {platform.name}", purge)

    async def work(run: Run, report: Report) -> Outcome:
        async with connect.world(asked, report) as world:
            names = [
                Installation(each.namespace or "default", each.name) for each in platform.wanted
            ]
            found = [await store.read(world.cluster, name) for name in names]
            targets = [each for each in found if each is not None]
            if not targets:
                return Outcome(
                    status="removed",
                    installation=platform.name,
                    cluster=cluster_of(world),
                    notes=("nothing of it is there",),
                )
            return await remove(
                world, targets, purge=purge, cascade=cascade, unasked=True, run=run.id
            )

    return execute(platform.name, work, output=output, verbose=False, installation=platform.name)
