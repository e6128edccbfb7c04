"""The PostgreSQL skill's hooks without a cluster: secrets, verifiers, refusals, the proof."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from skill_runner.backends.base import ExecResult
from skill_runner.errors import HookFailed
from skill_runner.hooks.context import PodResult
from skill_runner.testing import MemoryCluster
from tests.skills.postgres import (
    APP,
    SKILL,
    SUPERUSER,
    call,
    cluster_with_secrets,
    plan_of,
    values_of,
)
from tests.support.contexts import Scripted, scripted
from tests.unit.hooks.test_scram import PENCIL


async def test_passwords_are_generated_once() -> None:
    cluster = await cluster_with_secrets()
    ctx = scripted(SKILL, cluster=cluster)
    assert await call("ensure_secrets", ctx) == "2 of 2 passwords generated"
    app, superuser = await values_of(cluster, APP), await values_of(cluster, SUPERUSER)
    assert len(app["password"]) == 32
    assert app["password"] != superuser["password"]
    assert app["uri"] == f"postgresql://app:{app['password']}@postgres.postgres.svc:5432/app"
    cluster.requests.clear()
    assert await call("ensure_secrets", ctx) == ""
    assert not cluster.writes


async def test_a_password_of_someone_elses_is_kept_and_escaped() -> None:
    cluster = await cluster_with_secrets(password="a:b/c@d\\")
    await call("ensure_secrets", scripted(SKILL, cluster=cluster, database="lessons"))
    app = await values_of(cluster, APP)
    assert app["uri"] == "postgresql://app:a%3Ab%2Fc%40d%5C@postgres.postgres.svc:5432/lessons"
    assert app["pgpass"] == "postgres.postgres.svc:5432:lessons:app:a\\:b/c@d\\\\\n"


def state(**roles: str | None) -> ExecResult:
    known = ["postgres", *(["app"] if "app" in roles else [])]
    return ExecResult(0, json.dumps({"roles": roles, "databases": known}), "")


async def test_the_server_never_sees_a_password() -> None:
    cluster = await cluster_with_secrets(password="pencil")
    ctx = scripted(SKILL, state(postgres=None), ExecResult(0, "", ""), cluster=cluster)
    assert await call("ensure_access", ctx) == "3 of role, database and passwords set"
    sent = Scripted.asked[-1]["stdin"]
    assert 'CREATE ROLE "app" LOGIN PASSWORD \'SCRAM-SHA-256$' in sent
    assert 'CREATE DATABASE "app" OWNER "app";' in sent
    assert "pencil" not in json.dumps(Scripted.asked)


async def test_what_fits_is_left_alone() -> None:
    cluster = await cluster_with_secrets(password="pencil")
    ctx = scripted(SKILL, state(postgres=PENCIL, app=PENCIL), cluster=cluster)
    assert await call("ensure_access", ctx) == ""
    assert len(Scripted.asked) == 1


async def claim(cluster: MemoryCluster, version: str) -> None:
    labels = {"app.kubernetes.io/name": "postgres", "app.kubernetes.io/instance": "postgres"}
    await cluster.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": "data-postgres-0",
                "namespace": "postgres",
                "labels": labels,
                "annotations": {"skill-runner.dev/data-version": version},
            },
            "spec": {"resources": {"requests": {"storage": "5Gi"}}},
        }
    )


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("", None),
        ("docker.io/library/postgres:17.5-bookworm", None),
        ("registry.example.org:5000/team/postgres:17.9@sha256:" + "0" * 64, None),
        ("docker.io/library/postgres:18.1", "holds data of PostgreSQL 17, and image"),
        ("docker.io/library/postgres:16.4", "older than version 17"),
        ("registry.example.org/postgres:17rc1", "does not say which version"),
    ],
)
async def test_which_images_fit_the_data(image: str, words: str | None) -> None:
    cluster = await cluster_with_secrets()
    await claim(cluster, "17")
    ctx = scripted(SKILL, cluster=cluster, image=image)
    if words is None:
        await call("check_server", ctx)
        return
    with pytest.raises(HookFailed, match=words):
        await call("check_server", ctx)


async def test_the_proof_holds_the_password_by_reference() -> None:
    ctx = scripted(SKILL, PodResult(0, "1000 rows came back\n"))
    assert await call("prove_rows", ctx) == "1000 rows came back"
    pod = Scripted.asked[0]
    assert pod["env"]["PGPASSWORD"] == {"secretKeyRef": {"name": APP, "key": "password"}}
    assert pod["env"]["URI"] == {"secretKeyRef": {"name": APP, "key": "uri"}}
    assert "$URI" not in " ".join(pod["command"])


@pytest.mark.parametrize(
    "answer",
    [
        PodResult(1, "3 of 1000 rows are lost or changed\n"),
        PodResult(3, "ERROR:  permission denied for database app\n"),
        PodResult(2, 'FATAL:  password authentication failed for user "app"\n'),
    ],
)
async def test_a_proof_that_fails_drops_what_it_made(answer: PodResult) -> None:
    with pytest.raises(HookFailed, match="psql failed, or rows are missing"):
        await call("prove_rows", scripted(SKILL, answer))
    first, last = Scripted.asked
    assert last["env"]["SCHEMA"] == first["env"]["SCHEMA"]
    assert last["env"]["SCRIPT"].startswith("DROP SCHEMA")


@pytest.mark.parametrize(
    ("prints", "ends", "code"),
    [
        ("1000 rows came back", 0, 0),
        ("3 of 1000 rows are lost or changed", 0, 1),
        ("ERROR: permission denied", 3, 3),
    ],
)
def test_rows_that_are_lost_fail_the_script(
    tmp_path: Path, prints: str, ends: int, code: int
) -> None:
    psql = tmp_path / "psql"
    psql.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{prints}' >&2\nexit {ends}\n")
    psql.chmod(0o755)
    script = SKILL.folder / "scripts" / "psql.sh"
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SCHEMA": "s", "SCRIPT": "SELECT 1"}
    done = subprocess.run(["bash", script], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, f"{prints}\n")


async def test_a_service_that_is_not_there_yet_is_asked_again() -> None:
    late = PodResult(2, "psql: error: connection to server failed: Connection refused\n")
    ctx = scripted(SKILL, late, PodResult(0, "1000 rows came back\n"))
    assert await call("prove_rows", ctx) == "1000 rows came back"
    assert len(Scripted.asked) == 2


@pytest.mark.parametrize(
    ("mode", "instances", "refused"),
    [
        ("bundled", 3, "mode bundled has one server, and instances=3 was asked for"),
        ("neon", 3, "mode neon has no servers, and instances=3 was asked for"),
        ("bundled", 1, ""),
        ("cnpg", 3, ""),
    ],
)
def test_replicas_need_the_operator(mode: str, instances: int, refused: str) -> None:
    checks = [each for each in plan_of(mode=mode, instances=instances).checks if each.refuse]
    assert [each.refuse for each in checks] == ([refused] if refused else [])
    assert all("--set mode=cnpg" in each.hint for each in checks)
