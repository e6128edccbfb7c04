"""`skill list`: the skills that can be run, from the library and from the user's folders."""

from __future__ import annotations

import json
from dataclasses import dataclass

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from skill_runner.cli.options import output_option
from skill_runner.errors import SkillError
from skill_runner.skill.library import Library, default_library
from skill_runner.skill.model import Skill


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of the library: its skill, or why there is none."""

    name: str
    skill: Skill | None
    error: str = ""


@click.command(
    epilog="""\b
Examples:
  skill list
  skill list -o json
  SKILL_PATH=./my-skills skill list
"""
)
@output_option
def command(output: str) -> int:
    """List the skills: those that came with this package, and those in SKILL_PATH."""
    entries = [_entry(library, name) for library in [default_library()] for name in library.names()]
    if output == "json":
        click.echo(json.dumps({"skills": [_document(entry) for entry in entries]}))
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("skill", "version", "summary"):
        table.add_column(title, no_wrap=title != "summary")
    for entry in entries:
        if entry.skill is None:
            table.add_row(Text(entry.name, "red"), "-", Text(entry.error.splitlines()[0], "red"))
        else:
            name = Text(entry.name, "cyan")
            table.add_row(name, entry.skill.version, Text(entry.skill.summary))
    Console().print(table)
    return 0


def _entry(library: Library, name: str) -> Entry:
    try:
        return Entry(name, library.find(name))
    except SkillError as error:
        return Entry(name, None, str(error))


def _document(entry: Entry) -> dict[str, str]:
    if entry.skill is None:
        return {"name": entry.name, "error": entry.error}
    return {
        "name": entry.name,
        "version": entry.skill.version,
        "summary": entry.skill.summary,
        "use_when": entry.skill.use_when,
    }
