"""What the tests of the PostgreSQL skill share: its Secrets, and how one hook is called."""

from __future__ import annotations

import base64
from typing import Any

from skill_runner.hooks.call import call_hook
from skill_runner.hooks.context import Context
from skill_runner.objects import Ref
from skill_runner.plan import ImageChoice, Installation, Plan, make_plan
from skill_runner.plan.inputs import resolve_values
from skill_runner.skill.library import default_library
from skill_runner.testing import MemoryCluster

SKILL = default_library().find("postgres-k8s-setup")

APP = "postgres-app"

SUPERUSER = "postgres-superuser"


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


def plan_of(**inputs: Any) -> Plan:
    """The plan of an installation with these inputs and the official images."""
    values = resolve_values(SKILL, inputs)
    images = {
        name: ImageChoice(name=name, ref=image.ref, source="pull", official=image.ref)
        for name, image in SKILL.images.items()
    }
    return make_plan(SKILL, Installation("postgres", SKILL.name), values, images, {})
