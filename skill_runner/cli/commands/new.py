"""`skill new`: a folder to begin with, which builds and proves itself as it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from skill_runner.actions.new import APPLICATIONS, write_template
from skill_runner.cli.options import output_option
from skill_runner.skill.shipped import shipped

# What to do with a new application: look at its tests, then deploy it.
NEXT: Final = {
    "fastapi-service": (
        "cd {path} && pip install -r requirements.txt -r requirements-dev.txt && pytest",
        "skill run fastapi-dapr-agent --name {name} --set source={path}"
        " --values {path}/deploy.yaml",
    ),
    "nextjs-app": (
        "cd {path} && npm ci && npm test",
        "skill run nextjs-k8s-deploy --name {name} --set source={path}",
    ),
    "docusaurus-site": (
        "cd {path} && npm ci && npm run build",
        "skill run docusaurus-deploy --name {name} --set source={path}",
    ),
}

_in_option = click.option(
    "--in",
    "parent",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder in which to make it; the current one by default.",
)


@click.group(
    epilog="""\b
Examples:
  skill new skill redis-cache
  skill new skill redis-cache --in ./my-skills
  skill new app lessons --template fastapi-service
"""
)
def command() -> None:
    """Start a skill or an application from a template that runs as it is."""


@command.command(
    "skill",
    epilog="""\b
Examples:
  skill new skill redis-cache && skill validate redis-cache
  skill new skill redis-cache --in ./my-skills -o json
""",
)
@click.argument("name")
@_in_option
@output_option
def new_skill(name: str, parent: Path, output: str) -> int:
    """Make the skill NAME: a chart, values, a proof and cases, to be changed step by step."""
    files = write_template(shipped("templates") / "skill", parent, name)
    path = _path(parent / name)
    steps = (f"skill validate {path}", f"skill describe {path}", f"skill run {path}")
    return _said(parent / name, files, steps, output)


@command.command(
    "app",
    epilog="""\b
Examples:
  skill new app lessons --template fastapi-service
  skill new app shop --template nextjs-app --in ./apps -o json
""",
)
@click.argument("name")
@click.option(
    "--template",
    type=click.Choice(APPLICATIONS),
    required=True,
    help="What it is made from; each is deployed by the skill that the answer names.",
)
@_in_option
@output_option
def new_app(name: str, template: str, parent: Path, output: str) -> int:
    """Make the application NAME from a template that builds, is tested and can be deployed."""
    files = write_template(shipped("templates") / template, parent, name)
    path = _path(parent / name)
    steps = [step.format(path=path, name=name) for step in NEXT[template]]
    return _said(parent / name, files, steps, output)


def _path(folder: Path) -> str:
    return str(folder) if "/" in str(folder) else f"./{folder}"


def _said(folder: Path, files: Sequence[Path], steps: Sequence[str], output: str) -> int:
    if output == "json":
        document = {
            "folder": str(folder),
            "files": [str(file) for file in files],
            "next": list(steps),
        }
        click.echo(json.dumps(document))
        return 0
    click.echo(f"{folder} was created with {len(files)} files. Next:")
    click.echo("\n".join(f"  {step}" for step in steps))
    return 0
