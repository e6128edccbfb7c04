"""The `skill` command: lazy subcommands, the one error boundary, the one place that exits."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from skill_runner import __version__

COMMANDS: Final[dict[str, str]] = {
    "run": "Install or update a skill's installation, and prove that it works.",
    "plan": "Show what `run` would do; nothing is touched.",
    "render": "Print the manifests that `run` would make.",
    "verify": "Check an installation, and prove again that it works.",
    "why": "Say what is wrong in the cluster now; nothing is touched.",
    "drift": "Show what somebody changed of an installation, and who.",
    "compliance": "Hold a cluster to a document's rules, with evidence.",
    "up": "Install a whole platform from a file, and prove it.",
    "down": "Remove a whole platform, by its file.",
    "remove": "Remove an installation; data volumes are kept.",
    "status": "Show the installations of a cluster, or one run.",
    "cancel": "End a run, with all that it started.",
    "logs": "Print the log of a run.",
    "report": "Write a run's report: a page, JUnit, Markdown, SARIF.",
    "list": "List the skills.",
    "describe": "Show one skill: inputs, effects, requirements.",
    "validate": "Check skill folders; every mistake at once.",
    "new": "Start a skill or an application from a template.",
    "cluster": "Start and stop clusters for development, tests and CI.",
    "images": "Build, load and push the images of skills.",
    "export": "Write the skills into a repository, for coding agents.",
    "debug": "Record what a command sees of a cluster, and play it again.",
    "mcp": "Serve coding agents over stdio (Model Context Protocol).",
    "doctor": "Check what this machine has and lacks.",
}


class LazyGroup(click.Group):
    """Imports a command's module only when that command runs, so that help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        # What is imported stays: collecting garbage meanwhile, and looking at it later, is in vain.
        gc.disable()
        module = importlib.import_module(f"skill_runner.cli.commands.{cmd_name}")
        gc.freeze()
        gc.enable()
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches  # only on this path

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean `skill {near[0]}`?" if near else ""
            raise click.UsageError(f"{error.message}{hint}", ctx) from None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start here: `skill list`, then `skill describe NAME`, then `skill run NAME`.",
)
@click.version_option(__version__, prog_name="skill")
def skill() -> None:
    """Install platforms on Kubernetes, and prove that they work.

    \b
    skill cluster up                 a real Kubernetes on this machine, without Docker
    skill run kafka-k8s-setup        install Kafka, wait until messages flow
    skill why kafka-k8s-setup        what is wrong, with evidence
    skill remove kafka-k8s-setup     and it is gone; volumes are kept
    """
    from skill_runner import log  # not for --help

    log.configure()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    from skill_runner.cli.streams import Output

    output = Output()
    sys.exit(output.exit_code(run(argv)))


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is returned."""
    from skill_runner.cli import boundary  # errors and rich are wanted only past --help

    arguments = list(sys.argv[1:] if argv is None else argv)
    return boundary.guard(lambda: _invoke(arguments), arguments)


def _invoke(arguments: list[str]) -> Any:
    return skill.main(
        args=list(arguments), prog_name="skill", standalone_mode=False, obj=tuple(arguments)
    )
