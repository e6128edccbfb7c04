"""`skill render`: the manifests that `run` would make, as YAML on stdout."""

from __future__ import annotations

import asyncio

import click
import yaml

from skill_runner.actions import run
from skill_runner.cli import connect
from skill_runner.cli.options import Wanted, cluster_options, input_options
from skill_runner.cli.target import Asked
from skill_runner.execution import preflight
from skill_runner.progress import silent
from skill_runner.skill.library import default_library


@click.command(epilog="Example: skill render kafka-k8s-setup --set brokers=3 > kafka.yaml")
@click.argument("skill")
@input_options
@cluster_options
def command(skill: str, wanted: Wanted, asked: Asked) -> int:
    """Print the manifests that `skill run SKILL` would make; nothing is touched."""
    library = default_library()
    request = wanted.request(library.find(skill))

    async def work() -> str:
        async with connect.world(asked, silent, wanted.registry) as world:
            prepared = await run.prepare([request], world, library)
            plan = prepared.asked[0].plan
            made = await preflight.render_manifests(plan, world) if plan else ()
            return str(yaml.safe_dump_all(made, sort_keys=False))

    click.echo(asyncio.run(work()), nl=False)
    return 0
