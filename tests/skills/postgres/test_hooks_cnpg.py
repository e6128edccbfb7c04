"""The hooks of `mode=cnpg` without a cluster: copies for clients, refusals, the manifest."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from skill_runner.errors import HookFailed
from skill_runner.hooks.context import PodResult
from skill_runner.objects import Ref
from skill_runner.plan import PlannedApply
from skill_runner.testing import MemoryCluster
from tests.skills.postgres import APP, SKILL, call, plan_of
from tests.support.contexts import Scripted, scripted
from tests.support.definitions import definition


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
        ("", {"image": "docker.io/library/postgres:16.1"}, "older than version 17"),
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
    plan = plan_of(mode="cnpg", **inputs)
    (step,) = [step for step in plan.steps if isinstance(step, PlannedApply)]
    return step.manifests[0]["spec"]
