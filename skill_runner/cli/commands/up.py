"""`skill up FILE`: make a whole platform ready."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from skill_runner.actions.platform import read_platform
from skill_runner.actions.request import ImageMode
from skill_runner.actions.run import plan as plan_requests
from skill_runner.actions.up import up
from skill_runner.cli import connect
from skill_runner.cli.execute import execute
from skill_runner.cli.governed import governance_option
from skill_runner.cli.options import (
    change_options,
    cluster_options,
    kinds_option,
    outcome_option,
)
from skill_runner.cli.profiles import profile_option
from skill_runner.cli.target import Asked
from skill_runner.compliance.governance import Governance
from skill_runner.execution.state import Options
from skill_runner.outcome import Outcome
from skill_runner.progress import Report
from skill_runner.runs.folder import Run
from skill_runner.skill.library import default_library


@click.command(
    epilog="""\b
Examples:
  skill up platform.yaml
  skill up platform.yaml --dry-run
  skill up platform.yaml --profile gitops
  skill up examples/learnflow/platform.yaml --cluster embedded -o json
"""
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--images",
    type=click.Choice(["auto", "pull", "build"]),
    default="auto",
    help="Pull official images, build them from recipes, or whichever works.",
)
@profile_option
@change_options
@click.option("--drill", is_flag=True, help="Run the platform's proofs that disturb, too.")
@click.option("--dry-run", is_flag=True, help="Show the plan; nothing is touched.")
@click.option("-v", "--verbose", is_flag=True, help="Show the output of Helm and of builds.")
@governance_option
@kinds_option
@cluster_options
@outcome_option
def command(
    file: Path,
    images: ImageMode,
    profiles: tuple[str, ...],
    options: Options,
    drill: bool,
    dry_run: bool,
    verbose: bool,
    governance: Governance | None,
    allow_kinds: tuple[str, ...],
    asked: Asked,
    output: str,
) -> int:
    """Install or update every installation that FILE lists, and all that these require.

    What depends on nothing begins at once; a failure keeps its dependents from beginning, and
    nobody else. Then the platform's own proofs run. Again, it changes only what differs.
    """
    library = default_library()
    platform = read_platform(file, library).of(profiles)
    options = replace(options, drills=drill)
    requests = [each.request(images, allow_kinds) for each in platform.wanted]

    async def work(run: Run, report: Report) -> Outcome:
        async with connect.world(asked, report) as world:
            if dry_run:
                return await plan_requests(
                    requests, world, library, adopt=options.adopt, governance=governance
                )
            return await up(platform, requests, world, library, run, options, governance)

    return execute(platform.name, work, output=output, verbose=verbose, installation=platform.name)
