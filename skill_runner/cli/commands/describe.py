"""`skill describe`: one skill before it is run."""

from __future__ import annotations

import asyncio
import json
from typing import get_args

import click
import yaml
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from skill_runner.actions.describe import (
    change_of,
    describe,
    effects,
    explained,
    objects,
    permissions,
    type_of,
    undo,
)
from skill_runner.actions.request import Request
from skill_runner.actions.roles import NOTE, empty_world, roles_for
from skill_runner.cli.options import Wanted, input_options, output_option
from skill_runner.errors import UsageError
from skill_runner.execution.rights import Command as Wants
from skill_runner.objects import Object
from skill_runner.skill.library import default_library
from skill_runner.skill.model import MISSING, Input, Skill
from skill_runner.skill.schema import shown


@click.command(
    epilog="""\b
Examples:
  skill describe kafka-k8s-setup
  skill describe ./my-skills/redis
  skill describe kafka-k8s-setup -o json    # with the JSON Schema of its inputs
  skill describe redis-k8s-setup --rbac -n cache | kubectl apply -f -
"""
)
@click.argument("skill")
@click.option(
    "--rbac",
    type=click.Choice(get_args(Wants)),
    is_flag=False,
    flag_value="run",
    default=None,
    help="Print, as YAML to apply, a ServiceAccount and the roles with exactly the rights that "
    "`skill run` (or verify, why, remove) needs; inputs and names count as with `skill run`. What "
    "--use names must exist: only its record is read.",
)
@input_options
@output_option
def command(skill: str, rbac: Wants | None, wanted: Wanted, output: str) -> int:
    """Show a SKILL, by its name or by a path: inputs, effects, proofs, outputs, undoing."""
    found = default_library().find(skill)
    if rbac is not None:
        made = asyncio.run(_roles(wanted.request(found), rbac))
        listed = {"apiVersion": "v1", "kind": "List", "items": made}  # as kubectl applies it
        text = json.dumps(listed) if output == "json" else NOTE + yaml.safe_dump_all(made)
        click.echo(text.rstrip())
        return 0
    if wanted != Wanted():
        raise UsageError(
            "inputs and names of an installation are used only with --rbac",
            hint=f"What a run with them makes: skill render {skill} …",
        )
    if output == "json":
        click.echo(json.dumps(describe(found)))
    else:
        _show(found, skill, Console(highlight=False))
    return 0


async def _roles(request: Request, command: Wants) -> list[Object]:
    return await roles_for(request, command, await empty_world(), default_library())


def _show(skill: Skill, named: str, console: Console) -> None:
    console.print(Text.assemble((skill.name, "bold cyan"), f" {skill.version}"))
    console.print(Text(skill.summary))
    _line(console, "use when", skill.use_when)
    _line(console, "not when", skill.do_not_use_when)
    _line(console, "takes", skill.takes)
    for each in skill.requires:
        when = f", when {explained(skill, each.when)}" if each.when else ""
        _line(console, "requires", each.skill + when)
    _head(console, "Inputs")
    console.print(Padding(_inputs(skill), (0, 0, 0, 2)))
    _head(console, "A run")
    _items(console, effects(skill))
    _head(console, "Objects that it may make, and no others")
    _items(console, objects(skill))
    _head(console, "Proofs")
    proofs = [f"{each.id} ({each.kind}): {each.hook or skill.says(each)}" for each in skill.prove]
    _items(console, proofs or ["none"])
    _head(console, "Outputs")
    _items(console, [", ".join(skill.outputs) or "none"])
    _head(console, "Permissions")
    _items(
        console, [f"{v}: {', '.join(kinds)}" for v, kinds in permissions(skill).items() if kinds]
    )
    _items(console, [f"as roles to apply: skill describe {named} --rbac"])
    if skill.policy_exceptions:
        _head(console, "Exceptions from the policy")
        _items(console, [f"{e.rule}, {e.resource}: {e.reason}" for e in skill.policy_exceptions])
    _head(console, "To undo")
    _items(console, [undo(skill)])
    example = next((f" --set {i.name}=…" for i in skill.inputs.values() if i.required), "")
    _head(console, "To run")
    _items(console, [f"skill run {named}{example}"])


def _inputs(skill: Skill) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in skill.inputs.values():
        kind = "secret" if each.secret else type_of(each.schema)
        facts = Text.assemble(kind, ("; " + ", ".join([_default(each), change_of(each)]), "dim"))
        table.add_row(Text(each.name, "bold" if each.required else "cyan"), facts)
        table.add_row("", Text(each.description))
    return table


def _default(each: Input) -> str:
    if each.default is MISSING:
        return "required"
    plain = isinstance(each.default, str) and each.default
    return f"default {each.default if plain else shown(each.default)}"


def _head(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, "bold"))


def _line(console: Console, label: str, text: str) -> None:
    if text:
        console.print(Text.assemble((f"{label}: ", "dim"), text))


def _items(console: Console, items: list[str] | tuple[str, ...]) -> None:
    for item in items:
        console.print(Padding(Text(item), (0, 0, 0, 2)))
