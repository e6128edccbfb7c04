"""Roles and databases of a PostgreSQL server, as the superuser of its own socket sets them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from skill_runner.hooks.context import Context, GiveUp, RetryLater
from skill_runner.hooks.scram import fits, make_verifier

CONTAINER: Final = "postgres"
PSQL: Final = ("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres")
NOT_YET: Final = ("Connection refused", "could not translate host name", "starting up")
STATE: Final = """SELECT json_build_object(
  'roles', (SELECT json_object_agg(rolname, rolpassword) FROM pg_authid WHERE rolcanlogin),
  'databases', (SELECT json_agg(datname) FROM pg_database));
"""


async def ensure_roles(
    ctx: Context, pod: str, passwords: Mapping[str, str], databases: Mapping[str, str]
) -> int:
    """Create missing roles and databases, and set passwords that differ; return how many.

    `passwords` are by role, `databases` their owners. The server gets verifiers (RFC 5803), never
    a password. RetryLater while it takes no connections, GiveUp when it refuses.

        done = await ensure_roles(ctx, "postgres-0", {"app": password}, {"app": "app"})
    """
    have = json.loads(await run_sql(ctx, pod, STATE))
    statements = _statements(have, passwords, databases)
    if statements:
        await run_sql(ctx, pod, "\n".join(statements))
    return len(statements)


def _statements(
    have: Mapping[str, Any], passwords: Mapping[str, str], databases: Mapping[str, str]
) -> list[str]:
    statements = []
    for role, password in passwords.items():
        known = role in have["roles"]
        if not known or not fits(password, have["roles"][role] or ""):
            verb = "ALTER" if known else "CREATE"
            statements.append(f"{verb} ROLE \"{role}\" LOGIN PASSWORD '{make_verifier(password)}';")
    for database, owner in databases.items():
        if database not in have["databases"]:
            statements.append(f'CREATE DATABASE "{database}" OWNER "{owner}";')
    return statements


async def run_sql(ctx: Context, pod: str, text: str) -> str:
    """Run SQL as the superuser in the pod's container `postgres`; return what it prints.

    The text goes in by standard input. RetryLater while the server takes no connections, GiveUp
    with its last lines when it refuses; lines that name a password are left out.

        await run_sql(ctx, "postgres-0", "SELECT 1;") == "1\\n"
    """
    done = await ctx.exec(pod, PSQL, container=CONTAINER, stdin=text)
    if done.exit_code == 0:
        return done.stdout
    told = [line for line in done.stderr.splitlines() if "PASSWORD" not in line]
    if any(text in done.stderr for text in NOT_YET):
        raise RetryLater("the server does not take connections yet")
    raise GiveUp("the server refused", listed=told[-4:])
