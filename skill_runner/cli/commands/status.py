"""`skill status`: the installations of a cluster, by their records; or one run, by its id."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping

import click
from rich.console import Console
from rich.table import Table

from skill_runner.backends.clock import SystemClock
from skill_runner.cli import connect
from skill_runner.cli.display import View, print_document
from skill_runner.cli.options import cluster_options, output_option
from skill_runner.cli.target import Asked
from skill_runner.installations import store
from skill_runner.installations.record import Record
from skill_runner.installations.scaled import scaled_down
from skill_runner.installations.store import Listing
from skill_runner.progress import Note
from skill_runner.runs import detached


@click.command(
    epilog="""\b
Examples:
  skill status -o json
  skill status kafka-7f3a --wait 60      a run, in this terminal or another
"""
)
@click.argument("run", required=False)
@click.option(
    "--wait",
    default=0.0,
    metavar="SECONDS",
    type=click.FloatRange(0),
    help="Wait at most this long for RUN to end.",
)
@click.option("-n", "--namespace", help="Only this namespace.")
@cluster_options
@output_option
def command(run: str | None, wait: float, namespace: str | None, asked: Asked, output: str) -> int:
    """Show the installations of a cluster: what, which version, proven when.

    With RUN, the id of a run: its outcome, or how far it is (exit code 5 while it works).
    """
    if run:
        return _run(run, wait, output)
    listed, stopped = asyncio.run(_records(asked, namespace))
    found = listed.records
    if output == "json":
        document = {"installations": [row(r, stopped) for r in found]}
        click.echo(json.dumps({**document, **({"notes": listed.bad} if listed.bad else {})}))
        return 0
    for note in listed.bad:
        click.echo(f"skipped: {note}", err=True)
    if not found:
        click.echo("no installations; `skill list` shows what can be installed")
        return 0
    table = Table("installation", "skill", "version", "state", "proofs", box=None)
    for item in found:
        proofs = ", ".join(f"{k} {v.status}" for k, v in item.proofs.items())
        state = "complete" if item.complete else "unfinished: run it again"
        state = "; ".join(stopped.get(str(item.installation), (state,)))
        table.add_row(str(item.installation), item.skill, item.version, state, proofs)
    Console().print(table)
    return 0


def _run(run: str, wait: float, output: str) -> int:
    with View() as view:
        view(Note(f"waiting for {run}")) if wait else None
        document = asyncio.run(detached.wait(run, wait, SystemClock()))
    if output == "json":
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        print_document(document)
    return int(document["exit_code"])


async def _records(
    asked: Asked, namespace: str | None
) -> tuple[Listing, dict[str, tuple[str, ...]]]:
    """The records, and what of them was scaled to zero, by installation."""
    async with connect.cluster_only(asked) as cluster:
        listed = await store.list_all(cluster, namespace)
        return listed, await scaled_down(cluster, listed.records)


def row(item: Record, stopped: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    """An installation as data, by its record; `stopped` says what was scaled to zero."""
    down = stopped.get(str(item.installation), ())
    now = time.time()
    return {
        "installation": str(item.installation),
        "skill": item.skill,
        "version": item.version,
        "complete": item.complete,
        **({"scaled_to_zero": list(down)} if down else {}),
        "proofs": {
            key: {"status": p.status, "seconds_ago": round(now - p.at)}
            for key, p in item.proofs.items()
        },
        "outputs": dict(item.outputs),
    }
