"""The hooks of Valkey and Redis without a cluster: what they refuse, and what they make."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from skill_runner.backends.base import ExecResult
from skill_runner.errors import HookFailed
from skill_runner.hooks.call import call_hook
from skill_runner.hooks.context import Context, PodResult
from skill_runner.hooks.secrets import read_secret
from skill_runner.objects import Ref
from skill_runner.skill.library import default_library
from skill_runner.testing import MemoryCluster
from tests.support.contexts import Scripted, scripted

SKILL = default_library().find("redis-k8s-setup")
SECRET = Ref("v1", "Secret", "redis-app", "redis")


async def call(hook: str, ctx: Context) -> Any:
    return await call_hook(SKILL, hook, ctx, timeout=30)


async def cluster_with(*objects: dict[str, Any]) -> MemoryCluster:
    cluster = MemoryCluster()
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "redis"}})
    for obj in objects:
        await cluster.create(obj)
    return cluster


def secret() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET.name, "namespace": SECRET.namespace},
    }


def claim(version: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "redis", "app.kubernetes.io/instance": "redis"}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "data-redis-0",
            "namespace": "redis",
            "labels": labels,
            "annotations": {"skill-runner.dev/data-version": version},
        },
        "spec": {"resources": {"requests": {"storage": "1Gi"}}},
    }


async def test_the_server_gets_the_hash_of_the_password() -> None:
    cluster = await cluster_with(secret())
    ctx = scripted(SKILL, cluster=cluster)
    assert await call("ensure_secrets", ctx) == "a password generated"
    values = await read_secret(ctx, SECRET)
    digest = hashlib.sha256(values["password"].encode()).hexdigest()
    assert values["users.acl"].splitlines() == [
        f"user default on #{digest} ~* &* +@all",
        "user probe on nopass -@all +ping",
    ]
    assert values["uri"] == f"redis://default:{values['password']}@redis.redis.svc:6379/0"
    cluster.requests.clear()
    assert await call("ensure_secrets", ctx) == ""
    assert not cluster.writes


@pytest.mark.parametrize(
    ("data", "image", "words"),
    [
        ("valkey-8", "", None),
        ("valkey-7", "", None),
        ("redis-7", "docker.io/library/redis:8.2.1", None),
        ("valkey-9", "", "holds data of valkey-9"),
        ("valkey-8", "docker.io/library/redis:8.2.1", r"holds data of valkey-8.*redis-8"),
        ("valkey-8", "registry.example.org/valkey:8rc1", "does not say which version"),
    ],
)
async def test_which_images_fit_the_data(data: str, image: str, words: str | None) -> None:
    ctx = scripted(SKILL, cluster=await cluster_with(claim(data)), image=image)
    if words is None:
        await call("check_volumes", ctx)
        return
    with pytest.raises(HookFailed, match=words):
        await call("check_volumes", ctx)


async def test_a_server_that_knows_the_password_is_left_alone() -> None:
    cluster = await cluster_with(secret())
    ctx = scripted(SKILL, ExecResult(0, "OK\nPONG\n", ""), cluster=cluster)
    await call("ensure_secrets", ctx)
    assert await call("ensure_access", ctx) == ""
    asked = Scripted.asked[0]
    password = (await read_secret(ctx, SECRET))["password"]
    assert password in asked["stdin"]
    assert password not in " ".join(asked["argv"])


async def test_the_proof_holds_the_password_by_reference() -> None:
    ctx = scripted(SKILL, PodResult(0, "100 keys came back\n"))
    assert await call("prove_keys", ctx) == "100 keys came back"
    env = Scripted.asked[0]["env"]
    assert env["REDISCLI_AUTH"] == {"secretKeyRef": {"name": "redis-app", "key": "password"}}


async def test_a_proof_that_fails_says_what_is_missing() -> None:
    ctx = scripted(SKILL, PodResult(1, "3 of 100 keys are lost or changed\n"))
    with pytest.raises(HookFailed, match="3 of 100 keys are lost"):
        await call("prove_keys", ctx)


async def test_a_service_that_is_not_there_yet_is_asked_again() -> None:
    late = PodResult(1, "Could not connect to Valkey at redis.redis.svc:6379\n")
    ctx = scripted(SKILL, late, PodResult(0, "100 keys came back\n"))
    assert await call("prove_keys", ctx) == "100 keys came back"
