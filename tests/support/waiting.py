"""A Deployment with its ReplicaSet and pods in a MemoryCluster, moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from skill_runner.objects import Object, Ref
from skill_runner.progress import Event, silent
from skill_runner.readiness.diagnosis import DEFAULT_POLICY, FailurePolicy
from skill_runner.readiness.wait import Expected, WaitResult, wait_ready
from skill_runner.skill.model import WaitRule
from skill_runner.testing import FakeClock, MemoryCluster

LABELS = {"app": "web"}
DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {"containers": [{"name": "c", "image": "example.org/web:1"}]},
        },
    },
}


class World:
    """The clock, the cluster and the objects of one test."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cluster = MemoryCluster(self.clock)
        self.events: list[Event] = []

    async def deploy(self, **spec: Any) -> Expected:
        """Apply the Deployment and let its ReplicaSet come."""
        manifest = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], **spec}}
        applied = await self.cluster.apply(manifest)
        self.replica_set("web-1", revision=1)
        return Expected.of(manifest, applied)

    def replica_set(self, name: str, *, revision: int) -> Object:
        owner = self.cluster.store.get(Ref("apps/v1", "Deployment", "web", "default"))
        note = {"deployment.kubernetes.io/revision": str(revision)}
        self.cluster.put({**owner, "metadata": {**owner["metadata"], "annotations": note}})
        return self.cluster.put(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": name,
                    "namespace": "default",
                    "labels": LABELS,
                    "annotations": note,
                    "ownerReferences": [owned_by(owner)],
                },
                "spec": {
                    "replicas": 1,
                    "selector": {"matchLabels": LABELS},
                    "template": owner["spec"]["template"],
                },
            }
        )

    def pod(self, name: str, status: Object, *, of: str = "web-1", **more: Any) -> Object:
        owner = self.cluster.store.get(Ref("apps/v1", "ReplicaSet", of, "default"))
        return self.cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "namespace": "default",
                    "labels": LABELS,
                    "ownerReferences": [owned_by(owner)],
                },
                "spec": {"containers": [{"name": "c", "image": "example.org/web:1", **more}]},
                "status": status,
            }
        )

    def available(self, replicas: int = 1) -> None:
        ref = Ref("apps/v1", "Deployment", "web", "default")
        generation = self.cluster.store.get(ref)["metadata"]["generation"]
        self.cluster.set_status(
            ref,
            observedGeneration=generation,
            replicas=replicas,
            updatedReplicas=replicas,
            readyReplicas=replicas,
            availableReplicas=replicas,
        )

    async def wait(
        self,
        *expected: Expected,
        rules: tuple[WaitRule, ...] = (),
        timeout: float = 600.0,
        stability: float = 0.0,
        policy: FailurePolicy = DEFAULT_POLICY,
        listen: bool = False,
    ) -> WaitResult:
        return await wait_ready(
            self.cluster,
            self.clock,
            expected,
            rules=rules,
            timeout=timeout,
            stability=stability,
            policy=policy,
            report=self.events.append if listen else silent,
        )


async def played(
    world: World, *expected: Expected, later: Callable[[], Awaitable[None]], **more: Any
) -> WaitResult:
    """The end of a wait while something happens."""
    _, result = await asyncio.gather(later(), world.wait(*expected, **more))
    return result


def owned_by(owner: Object) -> Object:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "controller": True,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }


def waiting(reason: str, message: str = "", restarts: int = 0) -> Object:
    state = {"waiting": {"reason": reason, "message": message}}
    return {
        "phase": "Pending",
        "containerStatuses": [
            {"name": "c", "ready": False, "restartCount": restarts, "state": state}
        ],
    }


def running(*, ready: bool = True, restarts: int = 0) -> Object:
    return {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [
            {"name": "c", "ready": ready, "restartCount": restarts, "state": {"running": {}}}
        ],
    }


Later = Callable[[World], Awaitable[None]]
