"""`skill drift`: what somebody changed of an installation, field by field."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from skill_runner.actions.drift import Drift, drift
from skill_runner.cli import connect
from skill_runner.cli.options import cluster_options, library_option, output_option
from skill_runner.cli.target import Asked
from skill_runner.installations.drift import Change
from skill_runner.progress import silent
from skill_runner.skill.library import Library
from skill_runner.text.redact import strip_control


@click.command(
    epilog="""\b
Examples:
  skill drift kafka-k8s-setup
  skill drift lesson-service -n learnflow -o json
"""
)
@click.argument("name")
@click.option("-n", "--namespace", help="Namespace of the installation.")
@library_option
@cluster_options
@output_option
def command(name: str, namespace: str | None, library: Library, asked: Asked, output: str) -> int:
    """Show how an installation differs from what its last run made: what was changed, added or
    deleted, by whom, and when.

    Nothing is written. Exit code 1 when something differs.
    """

    async def work() -> Drift:
        async with connect.world(asked, silent) as world:
            return await drift(world, library, name, namespace)

    found = asyncio.run(work())
    if output == "json":
        click.echo(json.dumps(_document(found), ensure_ascii=False))
    else:
        console = Console(highlight=False)
        for line, style in _lines(found):
            console.print(Text(line, style), soft_wrap=True)
    return 1 if found.changes else 0


def _document(found: Drift) -> dict[str, Any]:
    changes = [
        {key: _clean(value) for key, value in asdict(change).items() if value}
        for change in found.changes
    ]
    notes = {"notes": list(map(_clean, found.notes))} if found.notes else {}
    return {
        "schema": "skill-runner/drift/v1",
        "installation": found.installation,
        "changes": changes,
        **notes,
    }


def _lines(found: Drift) -> Iterator[tuple[str, str]]:
    if not found.changes:
        yield f"{found.installation}: as its last run made it", "green"
    for change in found.changes:
        yield _clean(f"{change.resource}: {change.kind} {change.field}".rstrip()), "bold yellow"
        yield f"  {_clean(_values(change))}", ""
    for note in found.notes:
        yield f"note: {_clean(note)}", "dim"


def _values(change: Change) -> str:
    if not change.field:
        return change.live or "it is gone: `skill run` makes it again"
    who = f", by {change.who}" if change.who else ""
    when = f", {change.when}" if change.when else ""
    return f"{change.made or 'nothing'} → {change.live or 'nothing'}{who}{when}"


def _clean(text: str) -> str:
    return " ".join(strip_control(text).split())
