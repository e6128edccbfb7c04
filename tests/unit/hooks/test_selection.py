"""Pods of a release: the ready ones that stay, the newest first."""

from __future__ import annotations

from typing import Any

from skill_runner.hooks import Ref, app_labels, ready_pods
from skill_runner.skill.library import default_library
from skill_runner.testing import FakeClock, MemoryCluster
from tests.support.contexts import scripted

SKILL = default_library().find("redis-k8s-setup")


def pod(name: str, ready: str, *finalizers: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "redis", "app.kubernetes.io/instance": "cache"}
    meta = {"name": name, "namespace": "redis", "labels": labels, "finalizers": list(finalizers)}
    status = {"conditions": [{"type": "Ready", "status": ready}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": status}


async def test_pods_that_answer_are_found_the_newest_first() -> None:
    clock = FakeClock()
    cluster = MemoryCluster(clock=clock)
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "redis"}})
    ctx = scripted(SKILL, cluster=cluster)
    for each in (
        pod("old", "True"),
        pod("starts", "False"),
        pod("leaves", "True", "example.org/a"),
    ):
        cluster.put(each)
    await clock.sleep(60)
    cluster.put(pod("new", "True"))
    await ctx.delete(Ref("v1", "Pod", "leaves", "redis"))
    found = await ready_pods(ctx, app_labels("redis", "cache"))
    assert [each["metadata"]["name"] for each in found] == ["new", "old"]
    assert await ready_pods(ctx, app_labels("redis", "other")) == ()
