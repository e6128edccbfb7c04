"""What a wait asks for does not grow with the namespace: 500 unrelated pods change nothing."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from skill_runner.backends.base import Cluster, ObjectList, WatchEvent
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.recording import RecordingCluster
from skill_runner.objects import Object, Ref
from skill_runner.progress import silent
from skill_runner.readiness.wait import DEFAULT_POLICY, Expected, wait_ready
from tests.integration.faults.scenario import apply_when_served
from tests.support.testimage import IMAGE

pytestmark = pytest.mark.asyncio(loop_scope="module")
UNRELATED = 500
LABELS = {"app": "web"}
WEB: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "app", "image": IMAGE, "command": ["sleep", "100000"]}],
            },
        },
    },
}


class CountingCluster(RecordingCluster):
    """Notes what is asked for, and how many bytes of objects come back."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster, SystemClock())
        self.asked: list[str] = []
        self.bytes = 0

    async def list(self, *kind: Any, **selection: Any) -> ObjectList:
        self.asked.append(f"list {kind} {selection}")
        found = await super().list(*kind, **selection)
        self.bytes += len(json.dumps(found.items))
        return found

    async def watch(self, *kind: Any, **selection: Any) -> AsyncGenerator[WatchEvent, None]:
        selection.pop("resource_version")
        self.asked.append(f"watch {kind} {selection}")
        async for event in super().watch(*kind, **selection):
            self.bytes += len(json.dumps(event.object))
            yield event


async def measured(cluster: Cluster, expected: Expected, stability: float) -> CountingCluster:
    counting = CountingCluster(cluster)
    result = await wait_ready(
        counting,
        SystemClock(),
        [expected],
        rules=(),
        timeout=120,
        stability=stability,
        policy=DEFAULT_POLICY,
        report=silent,
    )
    assert result.state == "ready", result.problem
    return counting


async def test_unrelated_pods_change_nothing(cluster: Cluster, images: None) -> None:
    namespace = f"flat-{secrets.token_hex(2)}"
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    try:
        manifest = {**WEB, "metadata": {"name": "web", "namespace": namespace}}
        expected = Expected.of(manifest, await apply_when_served(cluster, manifest))
        await measured(cluster, expected, stability=8)
        alone = await measured(cluster, expected, stability=1)
        await crowd(cluster, namespace)
        crowded = await measured(cluster, expected, stability=1)
        assert sorted(crowded.asked) == sorted(alone.asked)
        assert crowded.bytes == pytest.approx(alone.bytes, rel=0.1)
    finally:
        await cluster.delete(Ref("v1", "Namespace", namespace))


async def crowd(cluster: Cluster, namespace: str) -> None:
    """Pods that nobody schedules: they cost the cluster nothing but their names."""
    turn = asyncio.Semaphore(10)

    async def one(number: int) -> None:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"other-{number}", "namespace": namespace},
            "spec": {
                "schedulerName": "nobody",
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "app", "image": IMAGE}],
            },
        }
        async with turn:
            await apply_when_served(cluster, pod)

    await asyncio.gather(*(one(number) for number in range(UNRELATED)))
