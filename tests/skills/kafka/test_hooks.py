"""The Kafka skill's hooks without a cluster: what they refuse, and what they make of an answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from skill_runner.errors import HookFailed
from skill_runner.hooks import topic_objects
from skill_runner.hooks.call import call_hook
from skill_runner.hooks.context import Context, PodResult
from skill_runner.plan import ImageChoice, Installation, PlannedApply, make_plan
from skill_runner.skill.library import default_library
from skill_runner.testing import MemoryCluster
from tests.support.contexts import Scripted, scripted
from tests.support.definitions import definition

SKILL = default_library().find("kafka-k8s-setup")
INPUTS = {name: spec.default for name, spec in SKILL.inputs.items()}
REF = "docker.io/apache/kafka:4.3.1"


def context(*answers: PodResult, **more: Any) -> Scripted:
    return scripted(SKILL, *answers, **more)


async def call(hook: str, ctx: Context) -> Any:
    return await call_hook(SKILL, hook, ctx, timeout=30)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"topics": ["a:6", "a:3"]}, "topic a is named with 6 partitions and with 3"),
        ({"topics": ["Orders"], "topic_pattern": "[a-z]+"}, "these do not: Orders"),
        ({"topics": ["orders.v2"], "topic_pattern": "orders"}, "these do not: orders.v2"),
        ({"topics": ["a.b", "a_b"]}, "differ only in"),
        ({"topics": [".."]}, "these do not"),
    ],
)
async def test_names_that_are_refused(inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(HookFailed, match=words):
        await call("check_topics", context(**inputs))


async def claim(cluster: MemoryCluster, size: str, *, grows: bool) -> None:
    await cluster.create(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "disk"},
            "provisioner": "example.org/disk",
            "allowVolumeExpansion": grows,
        }
    )
    labels = {"app.kubernetes.io/name": "kafka", "app.kubernetes.io/instance": "kafka"}
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kafka"}})
    await cluster.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data-kafka-0", "namespace": "kafka", "labels": labels},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "disk",
                "resources": {"requests": {"storage": size}},
            },
        }
    )


@pytest.mark.parametrize(("size", "grows"), [("5Gi", False), ("5120Mi", False), ("1Gi", True)])
async def test_volumes_that_can_be_had(size: str, grows: bool) -> None:
    cluster = MemoryCluster()
    await claim(cluster, size, grows=grows)
    await call("check_brokers", context(cluster=cluster))


@pytest.mark.parametrize(
    ("size", "grows", "words"),
    [("10Gi", True, "cannot shrink to 5Gi"), ("1Gi", False, "does not allow expansion")],
)
async def test_volumes_that_cannot_be_had(size: str, grows: bool, words: str) -> None:
    cluster = MemoryCluster()
    await claim(cluster, size, grows=grows)
    with pytest.raises(HookFailed, match=words):
        await call("check_brokers", context(cluster=cluster))


@pytest.mark.parametrize(
    ("running", "refused"),
    [
        ("docker.io/apache/kafka:4.4.0", True),
        ("skill.local/kafka:4.10.0-0a1b2c", True),
        ("registry.example:5000/kafka:v5.0", True),
        ("docker.io/apache/kafka:4.3.9", False),
        ("docker.io/apache/kafka:3.9.0", False),
        ("docker.io/apache/kafka:latest", False),
        ("docker.io/apache/kafka@sha256:44", False),
    ],
)
async def test_an_older_kafka_is_not_put_on_the_volumes_of_a_newer(
    running: str, refused: bool
) -> None:
    cluster = MemoryCluster()
    for manifest in (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kafka"}},
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "kafka", "namespace": "kafka"},
            "spec": {"template": {"spec": {"containers": [{"name": "kafka", "image": running}]}}},
        },
    ):
        await cluster.create(manifest)
    if not refused:
        await call("check_brokers", context(cluster=cluster))
        return
    with pytest.raises(HookFailed, match="is older than"):
        await call("check_brokers", context(cluster=cluster))


def broker(name: str, image: str, state: dict[str, Any]) -> dict[str, Any]:
    status = {"name": "kafka", "ready": False, "restartCount": 0, "state": state}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "kafka", "labels": {"app": "kafka"}},
        "spec": {"containers": [{"name": "kafka", "image": image}]},
        "status": {"containerStatuses": [status]},
    }


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        ({"waiting": {"reason": "ImagePullBackOff"}}, False),
        ({"running": {"startedAt": "2026-01-01T00:00:00Z"}}, True),
        ({"terminated": {"exitCode": 1}}, True),
    ],
)
async def test_a_newer_kafka_that_never_started_keeps_nobody_from_going_back(
    state: dict[str, Any], refused: bool
) -> None:
    cluster, newer = MemoryCluster(), "docker.io/apache/kafka:9.9.9"
    for manifest in (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kafka"}},
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "kafka", "namespace": "kafka"},
            "spec": {
                "selector": {"matchLabels": {"app": "kafka"}},
                "template": {"spec": {"containers": [{"name": "kafka", "image": newer}]}},
            },
        },
        broker("kafka-0", "docker.io/apache/kafka:4.3.1", {"running": {}}),
        broker("kafka-1", newer, state),
    ):
        cluster.put(manifest)
    if refused:
        with pytest.raises(HookFailed, match=r"is older than .* which has run here"):
            await call("check_brokers", context(cluster=cluster))
    else:
        await call("check_brokers", context(cluster=cluster))


STRIMZI: dict[str, Any] = {"mode": "strimzi"}
KAFKA_TOPICS = definition("kafka.strimzi.io", "KafkaTopic")


@pytest.mark.parametrize(
    ("topics", "words"),
    [
        (["a_b", "a-b"], "a_b and a-b would be the same KafkaTopic: kafka-k8s-setup.a-b"),
        (["Orders:6", "orders"], "Orders and orders would be the same KafkaTopic"),
        (["_schemas", "schemas"], "_schemas and schemas would be the same"),
        (["a..b"], "a..b cannot be a KafkaTopic"),
        (["x" * 240], "cannot be a KafkaTopic"),
    ],
)
async def test_topics_that_cannot_be_objects_of_their_own(topics: list[str], words: str) -> None:
    with pytest.raises(HookFailed, match=words.replace(".", r"\.")):
        await call("check_cluster", context(**STRIMZI, topics=topics))
    await call("check_topics", context(topics=topics))  # Kafka itself takes them


@pytest.mark.parametrize(("name", "fits"), [("a" * 26, True), ("a" * 27, False)])
async def test_a_broker_of_strimzi_must_have_room_for_its_name(name: str, fits: bool) -> None:
    ctx = context(**STRIMZI)
    ctx = replace(ctx, installation=Installation("kafka", name))
    if fits:
        await call("check_cluster", ctx)
        return
    with pytest.raises(HookFailed, match=f"{name}-brokers-0, and a host's name") as failed:
        await call("check_cluster", ctx)
    assert "at most 26 characters" in failed.value.hint


async def test_fewer_partitions_of_an_object_are_refused_before_it_is_changed() -> None:
    cluster = MemoryCluster()
    await cluster.create(KAFKA_TOPICS)
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kafka"}})
    await cluster.create(
        {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaTopic",
            "metadata": {
                "name": "kafka-k8s-setup.orders",
                "namespace": "kafka",
                "labels": {"strimzi.io/cluster": "kafka-k8s-setup"},
            },
            "spec": {"topicName": "orders", "partitions": 6, "replicas": 1},
        }
    )
    await call("check_cluster", context(cluster=cluster, **STRIMZI, topics=["orders:6", "new:1"]))
    with pytest.raises(HookFailed, match="orders has 6 partitions; 3 were asked for"):
        await call("check_cluster", context(cluster=cluster, **STRIMZI, topics=["orders"]))


def strimzis_kafka(**inputs: Any) -> dict[str, Any]:
    """The spec of the Kafka that Strimzi is given."""
    images = {"kafka": ImageChoice(name="kafka", ref=REF, source="pull", official=REF)}
    at = Installation("kafka", "events")
    plan = make_plan(SKILL, at, {**INPUTS, **STRIMZI, **inputs}, images, {})
    (step,) = (step for step in plan.steps if isinstance(step, PlannedApply))
    (kafka,) = (m for m in step.manifests if m["kind"] == "Kafka")
    spec: dict[str, Any] = kafka["spec"]["kafka"]
    return spec


def test_a_setting_replaces_a_default_of_strimzis_brokers() -> None:
    defaults = strimzis_kafka(brokers=3)["config"]
    assert defaults["min.insync.replicas"] == 2
    given = {"min.insync.replicas": 1, "log.retention.hours": 48}
    assert strimzis_kafka(brokers=3, broker_config=given)["config"] == {**defaults, **given}


def test_strimzi_is_told_which_namespaces_may_connect() -> None:
    (listener,) = strimzis_kafka(clients=["learnflow"])["listeners"]
    assert "networkPolicyPeers" not in listener
    (listener,) = strimzis_kafka(network_policy=True)["listeners"]
    assert listener["networkPolicyPeers"] == [{"podSelector": {}}]
    (listener,) = strimzis_kafka(clients=["learnflow"], network_policy=True)["listeners"]
    (named,) = listener["networkPolicyPeers"][1]["namespaceSelector"]["matchExpressions"]
    assert named["values"] == ["learnflow"]


async def test_the_manifest_and_the_check_name_topics_alike() -> None:
    topics = ["orders", "Lesson_Done", "_schemas", "a._b", "a_.b", "v1.x-y_z"]
    images = {"kafka": ImageChoice(name="kafka", ref=REF, source="pull", official=REF)}
    at = Installation("kafka", "events")
    plan = make_plan(SKILL, at, {**INPUTS, **STRIMZI, "topics": topics}, images, {})
    (step,) = [step for step in plan.steps if isinstance(step, PlannedApply)]
    made = [m["metadata"]["name"] for m in step.manifests if m["kind"] == "KafkaTopic"]
    assert made == [topic_objects("events", [topic])[topic] for topic in topics]
    assert made[:3] == ["events.orders", "events.lesson-done", "events.schemas"]


async def test_volumes_of_a_kafka_that_is_gone_are_refused() -> None:
    cluster = MemoryCluster()
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kafka"}})
    await call("check_cluster", context(cluster=cluster, **STRIMZI))
    await cluster.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": "data-0",
                "namespace": "kafka",
                "labels": {"strimzi.io/cluster": "kafka-k8s-setup"},
            },
            "spec": {"resources": {"requests": {"storage": "5Gi"}}},
        }
    )
    with pytest.raises(HookFailed, match=r"of a Kafka that was removed are in kafka \(data-0\)"):
        await call("check_cluster", context(cluster=cluster, **STRIMZI))


async def test_topics_are_made_in_one_pod() -> None:
    said = "some warning\ncreated orders 0 3\nraised payments 3 6\n"
    ctx = context(PodResult(0, said), topics=["orders", "payments:6", "users"])
    assert await call("ensure_topics", ctx) == (
        "2 of 3 topics created or raised; keys of payments go to other partitions from now on"
    )
    assert [pod["env"]["WANTED"] for pod in Scripted.asked] == ["orders 3\npayments 6\nusers 3"]


async def test_who_listens_to_a_topic_need_not_know_its_partitions() -> None:
    for topics in (["orders:6", "orders"], ["orders", "orders:6"]):
        ctx = context(PodResult(0, "created orders 0 6\n"), topics=topics)
        await call("check_topics", ctx)
        await call("ensure_topics", ctx)
        assert [pod["env"]["WANTED"] for pod in Scripted.asked] == ["orders 6"]


async def test_fewer_partitions_are_refused() -> None:
    ctx = context(PodResult(3, "lowered orders 6 3\n"), topics=["orders"])
    with pytest.raises(HookFailed, match="orders has 6 partitions; 3 were asked for") as failed:
        await call("ensure_topics", ctx)
    assert "orders:6" in failed.value.hint


async def test_a_broker_that_is_not_there_yet_is_asked_again() -> None:
    late = PodResult(1, "Error while executing topic command : Timed out waiting for a node\n")
    ctx = context(late, late, PodResult(0, "created orders 0 3\n"), topics=["orders"])
    assert await call("ensure_topics", ctx) == "1 of 1 topics created or raised"
    assert len(Scripted.asked) == 3


async def test_the_proof_says_how_many_came_back() -> None:
    ctx = context(PodResult(0, "producing\n100 of 100 messages came back\n"))
    assert await call("prove_messages", ctx) == "100 of 100 messages came back"
    pod = Scripted.asked[0]
    assert pod["env"]["BOOTSTRAP"] == "kafka-bootstrap.kafka.svc:9092"
    assert pod["resources"]["limits"]["memory"]


async def test_a_proof_that_fails_shows_what_differs() -> None:
    logs = "producing\nsent 100, received 99; first differences:\n7d6\n< key-7:message-7\n"
    with pytest.raises(HookFailed, match="sent 100, received 99"):
        await call("prove_messages", context(PodResult(1, logs)))


async def test_the_topic_of_a_proof_that_ran_out_of_time_is_removed() -> None:
    class Slow(Scripted):
        __slots__ = ()

        async def run_pod(self, **asked: Any) -> PodResult:
            Scripted.asked.append(asked)
            if asked["name"] == "kafka-proof":
                raise HookFailed("pod kafka-proof: not done after 150 s")
            return PodResult(0, "")

    ctx = context(PodResult(0, ""))
    slow = Slow(**{name: getattr(ctx, name) for name in Context.__dataclass_fields__})
    with pytest.raises(HookFailed, match="not done after"):
        await call("prove_messages", replace(slow))
    first, last = Scripted.asked
    assert last["name"] == "kafka-proof-end"
    assert first["env"]["TOPIC"] == last["env"]["TOPIC"]
