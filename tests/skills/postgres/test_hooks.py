"""The PostgreSQL skill's hooks without a cluster: secrets, verifiers, refusals, the proof."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from skill_runner.backends.base import ExecResult
from skill_runner.errors import HookFailed
from skill_runner.hooks.call import call_hook
from skill_runner.hooks.context import Context, PodResult
from skill_runner.objects import Ref
from skill_runner.plan import ImageChoice, Installation, PlannedApply, make_plan
from skill_runner.plan.inputs import resolve_values
from skill_runner.skill.library import default_library
from skill_runner.testing import MemoryCluster
from tests.support.contexts import Scripted, scripted
from tests.support.definitions import definition
from tests.unit.hooks.test_scram import PENCIL

SKILL = default_library().find("postgres-k8s-setup")
APP, SUPERUSER = "postgres-app", "postgres-superuser"


async def call(hook: str, ctx: Context) -> Any:
    return await call_hook(SKILL, hook, ctx, timeout=30)


async def cluster_with_secrets(**values: str) -> MemoryCluster:
    cluster = MemoryCluster()
    await cluster.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "postgres"}}
    )
    for name in (APP, SUPERUSER):
        data = {k: base64.b64encode(v.encode()).decode() for k, v in values.items()}
        await cluster.create(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "data": data,
                "metadata": {"name": name, "namespace": "postgres"},
            }
        )
    return cluster


async def values_of(cluster: MemoryCluster, name: str) -> dict[str, str]:
    found = await cluster.get(Ref("v1", "Secret", name, "postgres"))
    return {k: base64.b64decode(v).decode() for k, v in found["data"].items()}


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
        ("docker.io/library/postgres:16.4", "older than PostgreSQL 17"),
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


async def cluster_of_cnpg(image: str = "") -> MemoryCluster:
    """What the operator has made, with a client's empty copy."""
    cluster = MemoryCluster()
    await cluster.create(DEFINITION)
    for name in ("postgres", "learnflow"):
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    made = {
        "password": "pencil",
        "host": "postgres-rw",
        "uri": "short",
        "fqdn-uri": "postgresql://app:pencil@postgres-rw.postgres.svc.cluster.local:5432/app",
    }
    for space, values in (("postgres", made), ("learnflow", {})):
        await cluster.create(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "stringData": values,
                "metadata": {"name": APP, "namespace": space},
            }
        )
    await cluster.create(
        {
            "apiVersion": "postgresql.cnpg.io/v1",
            "kind": "Cluster",
            "metadata": {"name": "postgres", "namespace": "postgres"},
            "spec": {"imageName": image},
        }
    )
    return cluster


DEFINITION = definition("postgresql.cnpg.io", "Cluster")
CNPG: dict[str, Any] = {"mode": "cnpg", "clients": ["learnflow"]}


async def test_a_client_of_cnpg_gets_a_copy_with_a_host_that_it_reaches() -> None:
    cluster = await cluster_of_cnpg()
    ctx = scripted(SKILL, cluster=cluster, **CNPG)
    assert await call("ensure_copies", ctx) == "1 of 1 copies of the Secret written"
    found = await cluster.get(Ref("v1", "Secret", APP, "learnflow"))
    copy = {k: base64.b64decode(v).decode() for k, v in found["data"].items()}
    assert copy["host"] == "postgres-rw.postgres.svc"
    assert copy["uri"] == copy["direct-uri"] == copy["fqdn-uri"]
    cluster.requests.clear()
    assert await call("ensure_copies", ctx) == ""
    assert not cluster.writes


@pytest.mark.parametrize(
    ("image", "inputs", "words"),
    [
        ("ghcr.io/cloudnative-pg/postgresql:17.6-system-trixie", {}, None),
        ("", {}, None),
        ("registry.example.org:5000/pg:16.3@sha256:" + "0" * 64, {}, "is PostgreSQL 16"),
        ("", {"image": "docker.io/library/postgres:16.1"}, "older than PostgreSQL 17"),
    ],
)
async def test_what_a_cluster_of_cnpg_can_become(
    image: str, inputs: dict[str, Any], words: str | None
) -> None:
    ctx = scripted(SKILL, cluster=await cluster_of_cnpg(image), **{**CNPG, **inputs})
    if words is None:
        await call("check_cluster", ctx)
        return
    with pytest.raises(HookFailed, match=words):
        await call("check_cluster", ctx)


async def test_before_its_operator_is_there_nothing_is_wrong() -> None:
    cluster = MemoryCluster()
    await cluster.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "postgres"}}
    )
    await call("check_cluster", scripted(SKILL, cluster=cluster, mode="cnpg", instances=3))


@pytest.mark.parametrize(
    ("mode", "hook"), [("bundled", "check_server"), ("neon", "check_connection")]
)
async def test_replicas_need_the_operator(mode: str, hook: str) -> None:
    ctx = scripted(SKILL, cluster=await cluster_with_secrets(), mode=mode, instances=3)
    with pytest.raises(HookFailed, match="instances=3 was asked for") as failed:
        await call(hook, ctx)
    assert "mode=cnpg" in failed.value.hint


async def test_the_proof_of_cnpg_goes_through_its_service() -> None:
    ctx = scripted(SKILL, PodResult(0, "1000 rows came back\n"), mode="cnpg")
    assert await call("prove_rows", ctx) == "1000 rows came back"
    env = Scripted.asked[0]["env"]
    assert env["PGHOST"] == {"secretKeyRef": {"name": APP, "key": "host"}}
    assert env["URI"] == {"secretKeyRef": {"name": APP, "key": "fqdn-uri"}}


def test_a_cluster_of_one_has_no_budget_and_fits_its_limits() -> None:
    cpu = {"cpu": "100m", "memory": "1Gi"}
    one = cluster_manifest(resources=cpu, settings={"max_connections": 50, "jit": False})
    assert (one["instances"], one["enablePDB"], one["enableSuperuserAccess"]) == (1, False, False)
    assert one["resources"] == {"requests": cpu, "limits": cpu}
    assert one["postgresql"]["parameters"] == {
        "shared_buffers": "256MB",
        "effective_cache_size": "768MB",
        "max_connections": "50",
        "jit": "false",
    }
    assert one["imageName"] == "ghcr.io/cloudnative-pg/postgresql:17.12-system-trixie"
    three = cluster_manifest(
        instances=3, image="example.org/pg:17.5", settings={"shared_buffers": "1GB"}
    )
    assert (three["instances"], three["enablePDB"]) == (3, True)
    assert three["imageName"] == "example.org/pg:17.5"
    assert three["postgresql"]["parameters"]["shared_buffers"] == "1GB"
    assert three["resources"]["requests"] == {"cpu": "250m", "memory": "512Mi"}


def cluster_manifest(**inputs: Any) -> Any:
    values = resolve_values(SKILL, {"mode": "cnpg", **inputs})
    images = {
        name: ImageChoice(name=name, ref=image.ref, source="pull", official=image.ref)
        for name, image in SKILL.images.items()
    }
    plan = make_plan(SKILL, Installation("postgres", SKILL.name), values, images, {})
    (step,) = [step for step in plan.steps if isinstance(step, PlannedApply)]
    return step.manifests[0]["spec"]


NEON = "postgresql://app:hunter22@ep-a-pooler.eu.aws.neon.tech/d?sslmode=require"


async def test_a_connection_that_is_given_is_kept_for_the_next_run() -> None:
    cluster = await cluster_with_secrets()
    first = scripted(SKILL, cluster=cluster, mode="neon", uri=NEON)
    await call("check_connection", first)
    await call("ensure_connection", first)
    kept = await values_of(cluster, APP)
    assert kept["uri"] == NEON.replace("require", "verify-full")
    assert kept["direct-uri"] == kept["uri"].replace("-pooler", "")
    assert kept["ca.crt"].count("BEGIN CERTIFICATE") == 2
    cluster.requests.clear()
    again = scripted(SKILL, cluster=cluster, mode="neon")
    await call("check_connection", again)
    await call("ensure_connection", again)
    assert not cluster.writes


async def test_a_connection_by_reference_to_a_secret() -> None:
    cluster = await cluster_with_secrets(uri=NEON)
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "own"}})
    ctx = scripted(SKILL, cluster=cluster, mode="neon", source="postgres/postgres-superuser")
    await call("ensure_connection", ctx)
    assert (await values_of(cluster, APP))["password"] == "hunter22"


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "none was given"),
        ({"source": "other/absent"}, "Secret other/absent of `source` is not there"),
        ({"uri": "postgresql://app:hunter22@192.0.2.7/d"}, "host is an address"),
    ],
)
async def test_connections_that_are_refused(inputs: dict[str, Any], words: str) -> None:
    ctx = scripted(SKILL, cluster=await cluster_with_secrets(), mode="neon", **inputs)
    with pytest.raises(HookFailed, match=words) as failed:
        await call("check_connection", ctx)
    assert "hunter22" not in str(failed.value)


@pytest.mark.parametrize(
    "said",
    [
        'psql: error: connection to server at "ep-a" failed: SSL error: certificate verify failed',
        'psql: error: could not translate host name "ep-a" to address: Name or service not known',
        "ERROR:  Endpoint ID is not specified. Either please upgrade the postgres client library",
    ],
)
async def test_what_no_waiting_fixes_is_said_at_once(said: str) -> None:
    with pytest.raises(HookFailed, match="psql failed"):
        await call("prove_answers", scripted(SKILL, PodResult(2, f"{said}\n"), mode="neon"))
    assert len(Scripted.asked) == 1


async def test_a_database_that_wakes_up_is_waited_for() -> None:
    asleep = PodResult(2, 'psql: error: connection to server at "ep-a" failed: timeout expired\n')
    ctx = scripted(SKILL, asleep, PodResult(0, "SELECT 1 answered\n"), mode="neon")
    assert await call("prove_answers", ctx) == "SELECT 1 answered"
    env = Scripted.asked[0]["env"]
    assert env["CA"] == {"secretKeyRef": {"name": APP, "key": "ca.crt"}}
    assert "PGOPTIONS" not in env  # a pooler refuses startup parameters that it does not know
