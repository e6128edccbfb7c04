"""`skill run`: install or update, wait, prove."""

from __future__ import annotations

import time
from dataclasses import replace

import click

from skill_runner.actions.request import Request, secrets_of
from skill_runner.actions.run import plan as plan_requests
from skill_runner.actions.run import run as run_requests
from skill_runner.cli import connect
from skill_runner.cli.display import print_outcome
from skill_runner.cli.execute import execute
from skill_runner.cli.governed import governance_option
from skill_runner.cli.options import (
    Wanted,
    change_options,
    cluster_options,
    input_options,
    kinds_option,
    outcome_option,
)
from skill_runner.cli.target import Asked
from skill_runner.compliance.governance import Governance
from skill_runner.errors import UsageError
from skill_runner.execution.state import Options
from skill_runner.outcome import Outcome, to_json
from skill_runner.progress import Report
from skill_runner.runs import detached
from skill_runner.runs.folder import Run
from skill_runner.skill.library import default_library


@click.command(
    epilog="""\b
Examples:
  skill run kafka-k8s-setup
  skill run kafka-k8s-setup --set brokers=3 --set 'topics=[orders, payments]'
  skill run kafka-k8s-setup --cluster embedded -o json
  skill run kafka-k8s-setup --detach          then: skill status RUN --wait 60
"""
)
@click.argument("skill")
@input_options
@governance_option
@kinds_option
@cluster_options
@outcome_option
@click.option("--redeploy", is_flag=True, help="Deploy again, also when nothing changed.")
@click.option(
    "--no-change",
    is_flag=True,
    help="Refuse to change an installation that exists; restore and report what others changed.",
)
@change_options
@click.option("--drill", is_flag=True, help="Run proofs that disturb, too (test clusters only).")
@click.option("--dry-run", is_flag=True, help="Show the plan; the same as `skill plan`.")
@click.option("--detach", is_flag=True, help="Continue in the background; print the run's id.")
@click.option("-v", "--verbose", is_flag=True, help="Show the output of Helm and of builds.")
def command(
    skill: str,
    wanted: Wanted,
    governance: Governance | None,
    allow_kinds: tuple[str, ...],
    asked: Asked,
    output: str,
    redeploy: bool,
    no_change: bool,
    drill: bool,
    options: Options,
    dry_run: bool,
    detach: bool,
    verbose: bool,
) -> int:
    """Install or update SKILL's installation, wait until it is ready, and prove that it works."""
    library = default_library()
    request = replace(wanted.request(library.find(skill)), allow_kinds=allow_kinds)
    options = replace(options, redeploy=redeploy, drills=drill, no_change=no_change)
    if detach:
        return _detach(request, output, piped=wanted.piped)

    async def work(run: Run, report: Report) -> Outcome:
        run.redactor.add(secrets_of(request))
        async with connect.world(asked, report, wanted.registry) as world:
            if dry_run:
                return await plan_requests(
                    [request], world, library, adopt=options.adopt, governance=governance
                )
            return await run_requests([request], world, library, run, options, governance)

    name = request.skill.name
    return execute(name, work, output=output, verbose=verbose, installation=request.name)


def _detach(request: Request, output: str, *, piped: bool) -> int:
    """The same command in a worker of its own; what it was called with is the root's `obj`."""
    if piped:
        raise UsageError("--detach has no standard input", hint="Name a file: --values FILE")
    called: tuple[str, ...] = click.get_current_context().obj
    arguments = [word for word in called if word != "--detach"]
    run = detached.start(
        arguments, label=request.skill.name, installation=request.name, now=time.time()
    )
    outcome = Outcome(
        status="running",
        run=run.id,
        installation=request.name,
        details=str(run.folder),
        version=request.skill.version,
        notes=(f"skill status {run.id} --wait 60", f"skill logs {run.id} --tail 50"),
    )
    if output == "text":
        print_outcome(outcome)
    else:
        click.echo(to_json(outcome))
    return 0
