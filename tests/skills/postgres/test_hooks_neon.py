"""The hooks of `mode=neon` without a cluster: connections kept, refused, and asked again."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.errors import HookFailed
from skill_runner.hooks.context import PodResult
from tests.skills.postgres import APP, SKILL, call, cluster_with_secrets, values_of
from tests.support.contexts import Scripted, scripted

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
