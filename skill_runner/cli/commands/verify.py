"""`skill verify`: readiness and proofs of what an installation's record says."""

from __future__ import annotations

from pathlib import Path

import click

from skill_runner.actions import verify
from skill_runner.actions.delivery.verify import Ask, check_revision, targets_of
from skill_runner.actions.delivery.verify import verify as verify_delivered
from skill_runner.actions.platform import read_platform
from skill_runner.actions.up import verify_platform
from skill_runner.cli import connect
from skill_runner.cli.execute import execute
from skill_runner.cli.options import cluster_options, library_option, outcome_option
from skill_runner.cli.profiles import profile_option
from skill_runner.cli.target import Asked
from skill_runner.errors import UsageError
from skill_runner.outcome import Outcome
from skill_runner.progress import Report
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library


@click.command(
    epilog="""\b
Examples:
  skill verify kafka-k8s-setup
  skill verify platform.yaml                          all of it, and its own proofs
  skill verify kafka-k8s-setup --observe -o json      only reads
  skill verify deploy/ --delivered-by argocd --revision $(git rev-parse HEAD)
"""
)
@click.argument("name")
@click.option("-n", "--namespace", help="Namespace of the installation.")
@click.option("--observe", is_flag=True, help="Only read: no proof that writes.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait for readiness.")
@click.option(
    "--delivered-by",
    type=click.Choice(["argocd"]),
    help="NAME is delivered from Git, or a folder that `skill render --to` wrote: wait for the "
    "commit, and do what the skills do beside their objects.",
)
@click.option("--revision", metavar="SHA", help="The commit, in full; with --delivered-by.")
@profile_option
@library_option
@cluster_options
@outcome_option
def command(
    name: str,
    namespace: str | None,
    observe: bool,
    timeout: float,
    delivered_by: str | None,
    revision: str | None,
    profiles: tuple[str, ...],
    library: Library,
    asked: Asked,
    output: str,
) -> int:
    """Check installation NAME in the cluster, and prove again that it works.

    NAME may be a platform file: every installation that it lists, and the platform's own proofs.
    """
    if (delivered_by is None) != (revision is None):
        raise UsageError(
            "--delivered-by and --revision belong together",
            hint="skill verify FOLDER --delivered-by argocd --revision $(git rev-parse HEAD)",
        )
    is_file = name.endswith((".yaml", ".yml"))
    platform = read_platform(Path(name), library).of(profiles) if is_file else None
    label = platform.name if platform else name

    async def work(run: Run, report: Report) -> Outcome:
        async with connect.world(asked, report) as world:
            if revision is not None:
                ask = Ask(revision=check_revision(revision), observe=observe, timeout=timeout)
                targets = targets_of(name, namespace)
                return await verify_delivered(world, run, library, targets, ask)
            if platform is not None:
                return await verify_platform(
                    platform, world, run, library, observe=observe, timeout=timeout
                )
            return await verify.verify(
                world, run, library, name, namespace, observe=observe, timeout=timeout
            )

    return execute(label, work, output=output, verbose=False, installation=label)
