"""`skill why`: what is wrong in the cluster now."""

from __future__ import annotations

import click

from skill_runner.actions import request, why
from skill_runner.cli import connect
from skill_runner.cli.execute import execute
from skill_runner.cli.options import cluster_options, library_option, outcome_option
from skill_runner.cli.target import Asked
from skill_runner.errors import UsageError
from skill_runner.outcome import Outcome
from skill_runner.progress import Report
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library


@click.command(
    epilog="""\b
Examples:
  skill why kafka-k8s-setup
  skill why --release ingress -n edge        any Helm release, whoever made it
  skill why -n edge                          everything in a namespace
  skill why -o json                          every installation of the cluster
"""
)
@click.argument("name", required=False)
@click.option("--release", help="A Helm release, whoever made it; needs -n.")
@click.option("-n", "--namespace", help="Namespace of NAME or of the release; alone: all in it.")
@library_option
@cluster_options
@outcome_option
def command(
    name: str | None,
    release: str | None,
    namespace: str | None,
    library: Library,
    asked: Asked,
    output: str,
) -> int:
    """Say what is wrong now with installation NAME, a Helm release, or a whole namespace.

    Without NAME, --release and -n: with every installation of the cluster. One look is taken,
    and nothing is changed; a readiness probe that fails by HTTP is asked once more, for its answer.
    """
    if (name and release) or (release and not namespace):
        raise UsageError(
            "name an installation, or a release and its namespace, or a namespace",
            hint="skill why NAME   or   skill why --release NAME -n NAMESPACE",
        )

    async def work(run: Run, report: Report) -> Outcome:
        async with connect.world(asked, report) as world:
            if release:
                return await why.why_release(world, run, release, str(namespace))
            if name:
                target = await request.find_record(world, name, namespace)
                return await why.why_installation(world, run, target, library)
            if namespace:
                return await why.why_namespace(world, run, namespace)
            return await why.why_all(world, run, library)

    about = str(name or release or namespace or "")
    return execute("why", work, output=output, verbose=False, installation=about)
