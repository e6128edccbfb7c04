"""Roles and databases of a PostgreSQL server: created, changed or left alone."""

from __future__ import annotations

import json

import pytest

from skill_runner.backends.base import ExecResult
from skill_runner.hooks import GiveUp, RetryLater, ensure_roles, run_sql
from skill_runner.skill.library import default_library
from tests.support.contexts import Scripted, scripted

SKILL = default_library().find("postgres-k8s-setup")
NOTHING = ExecResult(0, json.dumps({"roles": {"postgres": None}, "databases": ["postgres"]}), "")
DONE = ExecResult(0, "", "")


async def test_missing_roles_and_databases_are_created_without_their_passwords() -> None:
    ctx = scripted(SKILL, NOTHING, DONE)
    passwords = {"postgres": "pencil", "app": "rubber"}
    assert await ensure_roles(ctx, "postgres-0", passwords, {"shop": "app"}) == 3
    alter, create, database = Scripted.asked[-1]["stdin"].splitlines()
    assert alter.startswith('ALTER ROLE "postgres" LOGIN PASSWORD \'SCRAM-SHA-256$')
    assert create.startswith('CREATE ROLE "app" LOGIN PASSWORD \'SCRAM-SHA-256$')
    assert database == 'CREATE DATABASE "shop" OWNER "app";'
    assert "pencil" not in str(Scripted.asked)
    assert "rubber" not in str(Scripted.asked)


async def test_nothing_is_written_where_nothing_differs() -> None:
    ctx = scripted(SKILL, NOTHING)
    assert await ensure_roles(ctx, "postgres-0", {}, {"postgres": "postgres"}) == 0
    assert len(Scripted.asked) == 1


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ("FATAL: the database system is starting up", RetryLater, "does not take connections yet"),
        (
            "ERROR: no\nCREATE ROLE x PASSWORD 'y'\nDETAIL: z",
            GiveUp,
            "refused:\n +ERROR: no\n +DET",
        ),
    ],
)
async def test_a_server_that_refuses(said: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        await run_sql(scripted(SKILL, ExecResult(1, "", said)), "postgres-0", "SELECT 1;")
