"""`skill export`: the skills into a repository, for the agents that work in it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from skill_runner.agents.export import export
from skill_runner.cli.options import output_option
from skill_runner.skill.library import default_library


@click.command(
    epilog="""\b
Examples:
  skill export                                 every skill, into this repository
  skill export kafka-k8s-setup --to ../shop    one, into another
"""
)
@click.argument("skills", nargs=-1)
@click.option(
    "--to",
    "repository",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The repository's root; the current folder by default.",
)
@output_option
def command(skills: tuple[str, ...], repository: Path, output: str) -> int:
    """Write SKILL.md files and a section of AGENTS.md for SKILLS (all by default).

    They go to .claude/skills and .agents/skills. Again, it changes only what differs; a file that
    someone else wrote is never touched.
    """
    library = default_library()
    found = [library.find(name) for name in skills or library.names()]
    made = export(found, repository)
    if output == "json":
        files = [{"path": str(each.path), "change": each.change} for each in made]
        click.echo(json.dumps({"files": files}))
        return 0
    for each in made:
        click.echo(f"{each.change:10} {each.path}")
    return 0
