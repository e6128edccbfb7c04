"""`skill compliance`: hold a cluster to the rules of a document, with evidence."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Final

import click
import yaml
from rich.console import Console

from skill_runner import clusters
from skill_runner.actions.compliance.audit import Audit, audit, document, to_json
from skill_runner.actions.compliance.gather import rights_of
from skill_runner.actions.compliance.scope import namespaces_of
from skill_runner.actions.platform import read_platform
from skill_runner.cli import connect
from skill_runner.cli.compliance_display import WIDTH, show
from skill_runner.cli.options import cluster_options, output_option
from skill_runner.cli.target import Asked
from skill_runner.compliance.governance import Governance
from skill_runner.compliance.reader import DEFAULT, find_governance
from skill_runner.errors import UsageError
from skill_runner.execution import rbac
from skill_runner.scope import Scope
from skill_runner.skill.library import default_library

_NAME: Final = "skill-compliance"  # of the roles, and of the namespace of their account


@click.command(
    epilog="""\b
Examples:
  skill compliance
  skill compliance -n learnflow --full
  skill compliance --governance governance.yaml --platform platform.yaml --fail-on warning
  skill compliance --rbac | kubectl apply -f -
"""
)
@click.option(
    "--governance",
    "named",
    default=DEFAULT,
    show_default=True,
    metavar="NAME|FILE",
    help="Rule set: one that ships, or a file of yours.",
)
@click.option("-n", "--namespace", "spaces", multiple=True, help="Only this namespace; repeatable.")
@click.option(
    "--platform",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Only the namespaces of this platform, and of what it requires.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="Severity of a rule whose failure is exit code 1.",
)
@click.option("--full", is_flag=True, help="All evidence; JSON is not cut to 4 KB.")
@click.option("--rbac", "only_rights", is_flag=True, help="Print the rights it needs, as YAML.")
@cluster_options
@output_option
def command(
    named: str,
    spaces: tuple[str, ...],
    file: Path | None,
    fail_on: str,
    full: bool,
    only_rights: bool,
    asked: Asked,
    output: str,
) -> int:
    """Hold a cluster to the rules of a governance document, and show the evidence.

    Each rule passes, fails, is unknown (the API cannot tell, or a list is forbidden) or is not
    applicable. Looks at all namespaces but those that the rule set leaves out; writes nothing.
    Exit code 1 when a rule fails.
    """
    if file and spaces:
        raise UsageError("--platform and --namespace exclude each other", hint="Name one of them.")
    governance = find_governance(named)
    library = default_library()
    platform = read_platform(file, library) if file else None
    if only_rights:
        wanted = platform.wanted if platform else ()
        listed = spaces or tuple(sorted({each.namespace for each in wanted if each.namespace}))
        click.echo(_roles(governance, listed, output).rstrip())
        return 0

    async def work() -> Audit:
        async with connect.cluster_only(asked) as cluster:
            looked = await namespaces_of(cluster, platform) if platform else tuple(spaces)
            for space in looked or ("",):
                Scope.here().check_whole(space)
            ours = clusters.find(cluster.target.context)
            same = ours is not None and ours.server == cluster.target.server
            log = ours.audit_log if ours and same else None  # a file of this machine
            return await audit(cluster, governance, looked, library, now=time.time(), audit_log=log)

    return _show(asyncio.run(work()), output, full=full, on_warning=fail_on == "warning")


def _show(found: Audit, output: str, *, full: bool, on_warning: bool) -> int:
    """Print an audit; the exit code."""
    code = found.exit_code(on_warning=on_warning)
    if output == "json":
        click.echo(to_json(found, full=full, exit_code=code))
    else:
        console = Console(highlight=False)
        console.width = min(console.width, WIDTH)
        show(document(found, exit_code=code), console, full=full)
    return code


def _roles(governance: Governance, namespaces: tuple[str, ...], output: str) -> str:
    space = namespaces[0] if namespaces else _NAME
    made = rbac.documents(
        rights_of(governance, namespaces),
        name=_NAME,
        account=(space, rbac.ACCOUNT),
        namespaces=namespaces or (space,),
    )
    listed = {"apiVersion": "v1", "kind": "List", "items": made}
    return json.dumps(listed) if output == "json" else yaml.safe_dump_all(made)
