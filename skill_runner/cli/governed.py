"""The option of commands that hold plans to a rule set."""

from __future__ import annotations

import functools
from typing import Any

import click

from skill_runner.cli.options import Command
from skill_runner.compliance.reader import find_governance


def governance_option(function: Command) -> Command:
    """--governance: a rule set that plans are held to, as `governance`; None without it."""

    @functools.wraps(function)
    def call(*, governed_by: str | None, **rest: Any) -> Any:
        governance = find_governance(governed_by) if governed_by else None
        return function(governance=governance, **rest)

    return click.option(
        "--governance",
        "governed_by",
        metavar="NAME|FILE",
        help="Refuse what would break the rules of this set, before anything is touched.",
    )(call)
