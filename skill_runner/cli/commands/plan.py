"""`skill plan`: what `run` would do."""

from __future__ import annotations

from dataclasses import replace

import click

from skill_runner.actions.request import secrets_of
from skill_runner.actions.run import plan as plan_requests
from skill_runner.cli import connect
from skill_runner.cli.execute import execute
from skill_runner.cli.options import (
    Wanted,
    cluster_options,
    input_options,
    kinds_option,
    outcome_option,
)
from skill_runner.cli.target import Asked
from skill_runner.outcome import Outcome
from skill_runner.progress import Report
from skill_runner.runs.folder import Run
from skill_runner.skill.library import default_library


@click.command(epilog="Example: skill plan kafka-k8s-setup --set brokers=3")
@click.argument("skill")
@input_options
@kinds_option
@cluster_options
@outcome_option
@click.option("--adopt", is_flag=True, help="Plan to take over what others own under its names.")
def command(
    skill: str,
    wanted: Wanted,
    allow_kinds: tuple[str, ...],
    asked: Asked,
    output: str,
    adopt: bool,
) -> int:
    """Show what `skill run SKILL` would change; nothing is touched."""
    library = default_library()
    request = replace(wanted.request(library.find(skill)), allow_kinds=allow_kinds)

    async def work(run: Run, report: Report) -> Outcome:
        run.redactor.add(secrets_of(request))
        async with connect.world(asked, report, wanted.registry) as world:
            return await plan_requests([request], world, library, adopt=adopt)

    return execute(
        request.skill.name, work, output=output, verbose=False, installation=request.name
    )
