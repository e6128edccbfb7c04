"""`skill render`: the manifests that `run` would make, on stdout or as a folder for Git."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Final

import click
import yaml

from skill_runner.actions import run
from skill_runner.actions.delivery import folder as delivered
from skill_runner.actions.delivery.applications import DEFAULT_NAMESPACE, Source
from skill_runner.actions.delivery.render import Asked as Platform
from skill_runner.actions.delivery.render import Rendered, render
from skill_runner.actions.platform import read_platform
from skill_runner.cli import connect
from skill_runner.cli.options import Wanted, cluster_options, input_options, output_option
from skill_runner.cli.target import Asked
from skill_runner.errors import UsageError
from skill_runner.execution import preflight
from skill_runner.images.registry import registry_digest
from skill_runner.objects import Object
from skill_runner.progress import silent
from skill_runner.skill.library import Library, default_library

KUBERNETES: Final = "1.37.0"
SCHEMA: Final = "skill-runner/render/v1"


@click.command(
    epilog="""\b
Examples:
  skill render kafka-k8s-setup --set brokers=3 > kafka.yaml
  skill render platform.yaml --to deploy --repo https://git.example.org/shop.git --path deploy
"""
)
@click.argument("what", metavar="SKILL|FILE")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Write files for Argo CD there: no cluster is asked.",
)
@click.option("--repo", help="URL of the repository that FOLDER is committed to.")
@click.option("--path", default=".", show_default=True, help="FOLDER's place in the repository.")
@click.option("--branch", default="main", show_default=True, help="Branch that Argo CD follows.")
@click.option(
    "--argocd",
    default=DEFAULT_NAMESPACE,
    show_default=True,
    help="Namespace of Argo CD's Applications.",
)
@click.option(
    "--kube-version",
    default=KUBERNETES,
    show_default=True,
    help="Kubernetes version that charts render for, with --to.",
)
@click.option(
    "--api-versions",
    multiple=True,
    metavar="GROUP/VERSION[/KIND]",
    help="Kinds beyond Kubernetes' own that charts are told of, with --to.",
)
@input_options
@cluster_options
@output_option
def command(
    what: str,
    to: Path | None,
    repo: str | None,
    path: str,
    branch: str,
    argocd: str,
    kube_version: str,
    api_versions: tuple[str, ...],
    wanted: Wanted,
    asked: Asked,
    output: str,
) -> int:
    """Print the manifests that `skill run SKILL` would make; nothing is touched.

    With --to they are written as files, an Application of Argo CD for each installation of the
    skill or of the platform FILE: the same bytes every time, images by digest, and no secret. What
    would not survive Git is refused, and named.
    """
    library = default_library()
    if to is None:
        return _print(asyncio.run(_manifests(what, asked, wanted, library)), output)
    if not repo:
        raise UsageError(
            "--to needs the repository that the folder is committed to",
            hint="Name it: --repo https://git.example.org/shop.git, and the folder in it: --path.",
        )
    source = Source(repo, path.strip("/"), branch, argocd)
    platform = _platform(what, wanted, library)

    async def work() -> Rendered:
        async with connect.without_cluster(kube_version, api_versions, wanted.registry) as world:
            return await render(platform, world, library, source, registry_digest)

    files = asyncio.run(work())
    changed, removed = delivered.write(to, files.files)
    _show(to, files, changed, removed, output)
    return 0


async def _manifests(
    skill: str, asked: Asked, wanted: Wanted, library: Library
) -> tuple[Object, ...]:
    """What a run would make in the cluster that is asked for."""
    request = wanted.request(library.find(skill))
    async with connect.world(asked, silent, wanted.registry) as world:
        prepared = await run.prepare([request], world, library)
        plan = prepared.asked[0].plan
        return await preflight.render_manifests(plan, world) if plan else ()


def _platform(what: str, wanted: Wanted, library: Library) -> Platform:
    """The requests of a platform file, or that of a skill."""
    file = Path(what)
    if file.suffix not in (".yaml", ".yml") or not file.is_file():
        request = wanted.request(library.find(what))
        return Platform(request.name, (request,), Path.cwd())
    platform = read_platform(file, library).of(())
    requests = tuple(each.request(wanted.images) for each in platform.wanted)
    return Platform(platform.name, requests, file.resolve().parent)


def _show(to: Path, made: Rendered, changed: int, removed: int, output: str) -> None:
    if output == "json":
        click.echo(
            json.dumps(
                {
                    "schema": SCHEMA,
                    "folder": str(to),
                    "files": len(made.files),
                    "changed": changed,
                    "removed": removed,
                    "installations": made.installations,
                    "notes": made.notes,
                    "begin": made.begin,
                }
            )
        )
        return
    for each in made.installations:
        click.echo(
            f"wave {each['wave']}: {each['installation']} ({each['skill']} {each['version']})"
        )
    for note in made.notes:
        click.echo(f"note: {note}")
    gone = f", {removed} removed" if removed else ""
    click.echo(f"{to}: {len(made.files)} files, {changed} changed{gone}")
    click.echo(f"Commit and push it, and once: {made.begin}")


def _print(made: tuple[Object, ...], output: str) -> int:
    as_json = json.dumps({"schema": SCHEMA, "manifests": made}) + "\n"
    text = as_json if output == "json" else yaml.safe_dump_all(made, sort_keys=False)
    click.echo(text, nl=False)
    return 0
