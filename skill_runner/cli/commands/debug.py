"""`skill debug`: keep what a command saw of a cluster, and look at it again without one."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

import click

from skill_runner import __version__
from skill_runner.actions.replay import replay_outcome
from skill_runner.backends.recording import load_history, save_history
from skill_runner.cli.execute import execute
from skill_runner.cli.options import outcome_option
from skill_runner.cli.recording import TAPE, Tape, redactor_of
from skill_runner.errors import UsageError
from skill_runner.outcome import Outcome
from skill_runner.progress import Report
from skill_runner.runs.folder import Run


@click.group("debug")
def command() -> None:
    """Record what a command sees of a cluster, and play it again without one."""


@command.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="""\b
Examples:
  skill debug record kafka.jsonl run kafka-k8s-setup
  skill debug record edge.jsonl why --release ingress -n edge
  skill debug replay kafka.jsonl
""",
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
@click.pass_context
def record(context: click.Context, file: Path, arguments: tuple[str, ...]) -> int:
    """Run another skill COMMAND, and keep in FILE every object and event that it saw.

    The data of Secrets and ConfigMaps is left out, secret inputs are redacted; names, labels,
    specs, statuses, events and log lines are in it. FILE is written however the command ends.
    """
    if not file.absolute().parent.is_dir():
        raise UsageError(f"{file.absolute().parent}: no such folder")
    root = context.find_root()
    group = root.command
    assert isinstance(group, click.Group)
    found = group.get_command(context, arguments[0])
    if found is None:
        raise UsageError(
            f"no command {arguments[0]!r}", hint="skill debug record FILE run SKILL, for example"
        )
    context.meta[TAPE] = tape = Tape()
    try:
        with found.make_context(arguments[0], list(arguments[1:]), parent=root) as inner:
            return int(found.invoke(inner) or 0)
    finally:
        _keep(tape, file, arguments, context)


def _keep(tape: Tape, file: Path, arguments: tuple[str, ...], context: click.Context) -> None:
    if tape.recording is None:
        click.echo("nothing was recorded: the command asked no cluster", err=True)
        return
    history = tape.recording.history(
        scenario=f"skill {shlex.join(arguments)}",
        recorded=datetime.now(UTC).date().isoformat(),
        by=f"kube-skills {__version__}",
    )
    save_history(history, file, redactor_of(context).text)
    click.echo(
        f"{file}: {len(history.moments)} changes, {len(history.header['waits'])} waits; "
        f"look at it again with `skill debug replay {shlex.quote(str(file))}`",
        err=True,
    )


@command.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@outcome_option
def replay(file: Path, output: str) -> int:
    """Play FILE through the waits and the diagnosis of this version; no cluster is asked."""
    try:
        history = load_history(file)
    except (ValueError, KeyError) as error:
        raise UsageError(f"{file} is no history: {error}") from error

    async def work(run: Run, report: Report) -> Outcome:
        return await replay_outcome(history, report)

    return execute("replay", work, output=output, verbose=False)
