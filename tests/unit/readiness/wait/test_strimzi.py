"""The brokers of a KafkaNodePool: an edit is ready when all of them are of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from skill_runner.objects import Object, Ref
from skill_runner.progress import Awaiting
from skill_runner.readiness.wait import Expected, WaitResult
from tests.support.waiting import World, owned_by, running

API = "kafka.strimzi.io/v1"
POOL = Ref(API, "KafkaNodePool", "k-brokers", "default")
KAFKA = Ref(API, "Kafka", "k", "default")
POD_SET = Ref("core.strimzi.io/v1", "StrimziPodSet", "k-k-brokers", "default")
TOPIC = Ref(API, "KafkaTopic", "k.orders", "default")
LABELS = {"strimzi.io/cluster": "k", "strimzi.io/pool-name": POOL.name}
OF_POOL = {"nodeIds": [0, 1, 2]}
OF_KAFKA = {"conditions": [{"type": "Ready", "status": "True"}]}
TOO_LARGE = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient memory.",
        }
    ],
}


def definition(ref: Ref) -> Object:
    group, _, version = ref.api_version.partition("/")
    plural = f"{ref.kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": ref.kind, "plural": plural},
            "versions": [{"name": version, "served": True, "storage": True}],
        },
    }


class Brokers(World):
    """Three brokers as Strimzi makes them, and what it says of them."""

    async def edit(self, ref: Ref, **spec: Any) -> Expected:
        """Apply a Kafka or a pool; the API server notes when."""
        manifest = {
            "apiVersion": ref.api_version,
            "kind": ref.kind,
            "spec": spec,
            "metadata": {
                "name": ref.name,
                "namespace": "default",
                "labels": {"strimzi.io/cluster": "k"},
            },
        }
        applied = await self.cluster.apply(manifest)
        now = datetime.fromtimestamp(self.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        live = self.cluster.store.get(ref)
        written = [{"manager": "skill-runner", "operation": "Apply", "time": now}]
        if "status" in live:
            written += [
                {
                    "manager": "strimzi-cluster-operator",
                    "subresource": "status",
                    "operation": "Update",
                    "time": now,
                }
            ]
        self.cluster.put({**live, "metadata": {**live["metadata"], "managedFields": written}})
        return Expected.of(manifest, applied)

    def report(self, ref: Ref) -> None:
        """The operator has taken up the object as it is now."""
        generation = self.cluster.store.get(ref)["metadata"]["generation"]
        status = OF_POOL if ref == POOL else OF_KAFKA
        self.cluster.set_status(ref, observedGeneration=generation, **status)

    def pod_set(self, *, current: int, ready: int = 3) -> None:
        owner = owned_by(self.cluster.store.get(POOL))
        self.cluster.put(
            {
                "apiVersion": POD_SET.api_version,
                "kind": POD_SET.kind,
                "metadata": {
                    "name": POD_SET.name,
                    "namespace": "default",
                    "labels": LABELS,
                    "ownerReferences": [owner],
                },
                "spec": {"pods": [{}, {}, {}]},
                "status": {
                    "observedGeneration": 1,
                    "pods": 3,
                    "readyPods": ready,
                    "currentPods": current,
                },
            }
        )

    def broker(self, status: Object, *, number: int = 0, new: bool = False) -> None:
        ref = Ref("v1", "Pod", f"{POD_SET.name}-{number}", "default")
        if new:
            self.cluster.store.delete(ref)
        asks = {"requests": {"memory": "64Gi"}}
        self.cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": ref.name, "namespace": "default", "labels": LABELS},
                "spec": {"containers": [{"name": "kafka", "image": "k:1", "resources": asks}]},
                "status": status,
            }
        )


@pytest.fixture
async def world() -> Brokers:
    """A Kafka of three brokers that is ready for a while."""
    world = Brokers()
    for ref in (KAFKA, POOL, POD_SET, TOPIC):
        world.cluster.put(definition(ref))
    world.cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "n"},
            "status": {
                "allocatable": {"memory": "22Gi", "cpu": "2"},
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }
    )
    await world.edit(KAFKA, kafka={})
    await world.edit(POOL, replicas=3)
    world.report(KAFKA)
    world.report(POOL)
    world.pod_set(current=3)
    for number in range(3):
        world.broker(running(), number=number)
    await world.clock.sleep(600)
    return world


async def wait(
    world: Brokers, *expected: Expected, play: tuple[tuple[float, Callable[[], None]], ...] = ()
) -> WaitResult:
    """Wait, and meanwhile do the things of `play`, each so many seconds after the one before."""

    async def acts() -> None:
        for seconds, act in play:
            await world.clock.sleep(seconds)
            act()

    async with asyncio.TaskGroup() as group:
        group.create_task(acts())
        return await world.wait(*expected, listen=True)


async def test_an_edited_pool_is_ready_when_its_last_broker_is_of_the_edit(world: Brokers) -> None:
    """Its status comes before its pods are touched, and between two brokers all are ready."""
    expected = await world.edit(POOL, replicas=3, resources={"limits": {"cpu": "1"}})
    result = await wait(
        world,
        expected,
        play=(
            (1, lambda: world.report(POOL)),
            (2, lambda: world.pod_set(current=0)),
            (1, lambda: world.broker(running(ready=False), new=True)),
            (20, lambda: world.broker(running())),
            (0, lambda: world.pod_set(current=1)),
            (60, lambda: world.pod_set(current=3)),
        ),
    )
    assert result.state == "ready"
    assert result.seconds == pytest.approx(84 + 5, abs=1)
    said = {s.message for e in world.events if isinstance(e, Awaiting) for s in e.objects}
    assert {"2 of 3 pods are ready", "1 of 3 pods are updated"} <= said


@pytest.mark.parametrize("edited", [POOL, KAFKA])
async def test_a_broker_of_before_says_nothing_about_a_correction(
    world: Brokers, edited: Ref
) -> None:
    """It asks for what no node has; the operator waits for it, and takes up the edit then."""
    world.broker(TOO_LARGE, new=True)
    world.pod_set(current=3, ready=2)
    await world.clock.sleep(60)
    expected = await world.edit(edited, replicas=3, corrected=True)

    def take_up() -> None:
        world.broker(running(), new=True)
        world.pod_set(current=3)
        world.report(edited)

    both = (expected, Expected.of(world.cluster.store.get(POOL)))
    result = await wait(world, *both, play=((300, take_up),))
    assert result.state == "ready", result.problem
    assert result.seconds == pytest.approx(305, abs=6)


async def test_an_edit_that_its_operator_calls_invalid_is_not_waited_for(world: Brokers) -> None:
    expected = await world.edit(KAFKA, kafka={"config": {"log.retention.hours": "abc"}})
    bad = {
        "type": "NotReady",
        "status": "True",
        "reason": "InvalidResourceException",
        "message": "log.retention.hours has value 'abc'",
    }
    world.cluster.set_status(KAFKA, observedGeneration=2, conditions=[bad])
    result = await wait(world, expected)
    assert result.problem is not None
    assert (result.problem.code, result.problem.resource) == ("RESOURCE_FAILED", str(KAFKA))
    assert result.seconds == pytest.approx(15, abs=1)


@pytest.mark.parametrize(("reason", "budget"), [("NotSupported", 15), ("KafkaError", 300)])
async def test_a_topic_is_tried_again_where_that_may_help(
    world: Brokers, reason: str, budget: float
) -> None:
    """While no broker answers, a KafkaError is all that its operator can say."""
    expected = await world.edit(TOPIC, partitions=3)
    refused = {"type": "Ready", "status": "False", "reason": reason, "message": "no"}
    world.cluster.set_status(TOPIC, observedGeneration=1, conditions=[refused])
    result = await wait(world, expected)
    assert result.problem is not None
    assert (result.problem.code, result.problem.resource) == ("RESOURCE_FAILED", str(TOPIC))
    assert result.seconds == pytest.approx(budget, abs=1)


async def test_a_broker_of_the_edit_is_diagnosed_before_its_operator_reports(
    world: Brokers,
) -> None:
    expected = await world.edit(KAFKA, kafka={}, corrected=False)
    result = await wait(world, expected, play=((5, lambda: world.broker(TOO_LARGE, new=True)),))
    assert result.problem is not None
    assert result.problem.code == "UNSCHEDULABLE"
    assert result.problem.resource == f"Pod default/{POD_SET.name}-0"
