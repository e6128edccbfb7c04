"""`skill mcp`: the tools for coding agents, over stdio."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from skill_runner.agents.permissions import Permits
from skill_runner.agents.server import Agents, serve
from skill_runner.backends.clock import SystemClock
from skill_runner.cli import connect
from skill_runner.cli.commands.status import row
from skill_runner.cli.target import Asked
from skill_runner.errors import UsageError
from skill_runner.installations import store
from skill_runner.installations.scaled import scaled_down
from skill_runner.skill.library import default_library


@click.command(
    epilog="""\b
Examples:
  skill mcp --read-only
  skill mcp --allow-skill kafka-k8s-setup --namespace kafka
  claude mcp add skill -- skill mcp
  codex mcp add skill -- uvx --from kube-skills skill mcp
"""
)
@click.option("--read-only", is_flag=True, help="Offer only the tools that change nothing.")
@click.option(
    "--allow-changes/--no-changes",
    default=True,
    show_default=True,
    help="Whether `run` may change an installation that exists, and `remove` be used.",
)
@click.option("--allow-skill", "skills", multiple=True, help="Only these skills. Repeatable.")
@click.option(
    "--allow-context",
    "contexts",
    multiple=True,
    help="Contexts that may be used; without any, only a local cluster. Repeatable.",
)
@click.option(
    "--namespace", "namespaces", multiple=True, help="Only in these namespaces. Repeatable."
)
@click.option(
    "--allow",
    "more",
    multiple=True,
    type=click.Choice(["purge"]),
    help="What is refused otherwise; purge: `remove` may delete data volumes. Repeatable.",
)
@click.option("--kubeconfig", type=click.Path(), help="Kubeconfig file to use.")
@click.option("--cluster", "cluster_name", help="One of the clusters of `skill cluster`.")
def command(
    read_only: bool,
    allow_changes: bool,
    skills: tuple[str, ...],
    contexts: tuple[str, ...],
    namespaces: tuple[str, ...],
    more: tuple[str, ...],
    kubeconfig: str | None,
    cluster_name: str | None,
) -> None:
    """Serve coding agents over stdio by the Model Context Protocol.

    What the options forbid, no agent can ask for. A run ends when its call is
    cancelled or the client goes away, unless the call was answered `running` before: such a run
    goes on when the server ends; `skill status` finds it, `skill cancel` ends it.
    """
    if contexts and cluster_name:
        raise UsageError("--allow-context and --cluster name the cluster twice", hint="Give one.")
    library = default_library()
    for name in skills:
        library.folder_of(name)  # UnknownSkill, before an agent meets it
    permits = Permits(
        read_only=read_only,
        allow_changes=allow_changes,
        skills=skills,
        contexts=contexts,
        namespaces=namespaces,
        allow_purge="purge" in more,
    )

    named = (("--kubeconfig", kubeconfig), ("--cluster", cluster_name))
    connection = tuple(f"{option}={value}" for option, value in named if value)
    agents = Agents(
        library=library,
        permits=permits,
        clock=SystemClock(),
        records=lambda context: _records(Asked(kubeconfig, context, cluster_name)),
        connection=connection,
    )
    asyncio.run(serve(agents))


async def _records(asked: Asked) -> list[dict[str, Any]]:
    async with connect.cluster_only(asked) as cluster:
        found = await store.find_all(cluster, None)
        stopped = await scaled_down(cluster, found)
        return [row(each, stopped) for each in found]
