"""kafka-k8s-setup in mode strimzi: the test plays the operator, the broker behind it is real."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from skill_runner.objects import Ref
from tests.skills.operators import STRIMZI
from tests.skills.operators.kafka import (
    CLAIM,
    FINALIZER,
    KAFKA,
    NAME,
    POD,
    POD_SET,
    POOL,
    broker,
    condition,
    counts,
    parts,
    topic,
)
from tests.support.driver import Driver
from tests.support.images import load_recipe_image
from tests.support.scene import Scene

pytestmark = pytest.mark.cluster

CAME_BACK = "passed: 100 of 100 messages came back"
MODE = ("--set", "mode=strimzi")
READY = condition("Ready")
ORDERS, LESSONS = topic("orders"), topic("lesson-done")


@pytest.fixture(scope="module")
def untouched(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """The cluster with a stand-in of the operator, which is adopted."""
    if not driver.can_load:
        pytest.skip(f"no images can be loaded into context {driver.context}")
    STRIMZI.start(driver, tmp_path_factory.mktemp("operator"))
    try:
        adopted = driver.skill(
            "run", "strimzi-operator", "--set", "mode=adopt", "-n", STRIMZI.namespace
        )
        assert adopted["proof"] == {
            "admission": "passed: a Kafka and a KafkaNodePool would be admitted"
        }
        yield driver.objects()
        if any(i["skill"] == NAME for i in driver.skill("status")["installations"]):
            for ref in (ORDERS, LESSONS):
                driver.set_finalizers(ref)
            driver.skill("remove", NAME, "--yes", "--purge")
        driver.skill("remove", "strimzi-operator", "--yes")
    finally:
        STRIMZI.stop(driver)


@pytest.fixture(scope="module")
def image(driver: Driver, untouched: set[str]) -> str:
    return load_recipe_image(driver, NAME, "kafka")


def observe(driver: Driver, ref: Ref, *conditions: Any, generation: int = 1, **more: Any) -> None:
    driver.set_status(ref, conditions=conditions, observedGeneration=generation, **more)


def accept(driver: Driver, ref: Ref, *, generation: int = 1) -> None:
    """The topic exists in Kafka: its operator holds it by a finalizer."""
    driver.set_finalizers(ref, FINALIZER)
    observe(driver, ref, READY, generation=generation, topicId="Zm9vYmFyYmF6cXV4cXV1eA")


@pytest.fixture(scope="module")
def installed(driver: Driver, image: str) -> dict[str, Any]:
    """A first run, through everything that its operator says on the way to ready."""
    with Scene(driver, "run", NAME, *MODE, "--set", "topics=[orders, Lesson_Done]") as scene:
        scene.until(str(KAFKA), "its controller has not reported on it yet")
        # without a generation, as Strimzi does first
        creating = condition("NotReady", reason="Creating", message="it is being deployed")
        driver.set_status(KAFKA, conditions=[creating])
        scene.until(str(KAFKA), "is being created")
        observe(driver, POOL, nodeIds=[0], replicas=1)
        driver.apply(*parts(driver.get(KAFKA), driver.get(POOL)))
        driver.apply(broker(driver.get(POD_SET), image))
        scene.until(str(POOL), "0 of 1 pods are ready")
        observe(driver, KAFKA, READY, generation=0)
        scene.until(str(KAFKA), "its controller has seen generation 0, the object is at 1")
        observe(driver, ORDERS, READY)
        scene.until(str(ORDERS), "has no topicId yet")
        driver.until_ready(POD)
        driver.set_status(POD_SET, **counts(current=1, ready=1))
        failed = condition("NotReady", reason="TimeoutException", message="a pod is not ready")
        observe(driver, KAFKA, failed)
        scene.until(str(KAFKA), "NotReady (TimeoutException: “a pod is not ready”)")
        told = driver.skill("why", NAME, code=5)["problem"]  # its operator tries again
        assert (told["code"], told["resource"]) == ("RESOURCE_FAILED", str(KAFKA))
        assert "TimeoutException: “a pod is not ready”" in told["cause"]
        accept(driver, ORDERS)
        accept(driver, LESSONS)
        observe(driver, KAFKA, READY, condition("Warning", reason="x", message="harmless"))
        return scene.outcome()


def test_it_is_ready_when_its_operator_says_so_and_messages_flow(
    driver: Driver, installed: dict[str, Any]
) -> None:
    assert installed["status"] == "ready"
    assert installed["proof"] == {"round-trip": CAME_BACK}
    bootstrap = installed["outputs"]["bootstrap_servers"]
    assert bootstrap == f"{NAME}-kafka-bootstrap.kafka.svc:9092"
    assert driver.get(LESSONS)["spec"]["topicName"] == "Lesson_Done"


def test_again_writes_nothing(driver: Driver, installed: dict[str, Any]) -> None:
    position = driver.audit_position()
    again = driver.skill("run", NAME)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    if driver.audit_log:
        assert driver.writes_since(position, "kafka") == []


def test_an_edit_is_not_ready_by_the_status_of_before(
    driver: Driver, installed: dict[str, Any]
) -> None:
    """More partitions for one topic; the other is left out, and stays."""
    with Scene(driver, "run", NAME, "--set", "topics=['orders:6']") as scene:
        scene.until(str(ORDERS), "its controller has seen generation 1, the object is at 2")
        refused = condition("Ready", status="False", reason="NotSupported", message="not now")
        observe(driver, ORDERS, refused, generation=2)
        scene.until(str(ORDERS), "Ready is False (NotSupported: “not now”)")
        accept(driver, ORDERS, generation=2)
        assert scene.outcome()["proof"] == {"round-trip": CAME_BACK}
        assert driver.get(LESSONS)["metadata"].get("deletionTimestamp") is None


def test_an_edit_is_not_ready_while_its_brokers_are_of_before(
    driver: Driver, installed: dict[str, Any]
) -> None:
    """The pool's status comes first, its StrimziPodSet and the brokers after it."""
    asked = ("--set", "topics=['orders:6']", "--set", "resources={memory: 900Mi}")
    with Scene(driver, "run", NAME, *asked) as scene:
        scene.until(str(POOL), "its controller has seen generation 1, the object is at 2")
        observe(driver, POOL, generation=2, nodeIds=[0], replicas=1)
        driver.set_status(POD_SET, **counts(current=0, ready=1))
        scene.until(str(POOL), "0 of 1 pods are updated")
        driver.set_status(POD_SET, **counts(current=1, ready=1))
        assert scene.outcome()["proof"] == {"round-trip": CAME_BACK}


def test_topics_that_would_be_one_object_are_refused(
    driver: Driver, installed: dict[str, Any]
) -> None:
    refused = driver.skill("run", NAME, "--set", "topics=[a_b, a-b]", code=3)
    assert "would be the same KafkaTopic" in refused["problem"]["cause"]


def test_a_removal_leaves_the_messages_and_refuses_to_start_on_them(
    driver: Driver, untouched: set[str], installed: dict[str, Any]
) -> None:
    with Scene(driver, "remove", NAME, "--yes") as scene:
        for ref in (LESSONS, ORDERS):  # the last that was made goes first
            seen = driver.until(ref, lambda o: "deletionTimestamp" in o["metadata"])
            assert seen["metadata"]["annotations"]["strimzi.io/managed"] == "false"
            driver.get(KAFKA)  # its entity operator must still be there, to let go of the topic
            driver.set_finalizers(ref)
        assert any(f"kept {CLAIM}" in note for note in scene.outcome()["notes"])
    driver.until_gone(POD)
    refused = driver.skill("run", NAME, *MODE, code=3)
    assert CLAIM.name in refused["problem"]["cause"]
    driver.skill("remove", NAME, "--yes", "--purge")  # what was kept, by its kept record
    assert driver.objects() == untouched


def test_an_operator_that_does_not_fit_is_not_adopted(driver: Driver, untouched: set[str]) -> None:
    other = replace(STRIMZI, namespace="other-strimzi")
    driver.make_namespace(other.namespace)
    driver.apply(other.deployment("0.45.1", replicas=0))
    adopt = ("--name", "other", "--set", "mode=adopt", "-n", other.namespace)
    refused = driver.skill("run", "strimzi-operator", *adopt, code=3)
    assert "is Strimzi 0.45.1; 0.49 is the first" in refused["problem"]["cause"]
    driver.delete(Ref("v1", "Namespace", other.namespace))
    driver.until_gone(Ref("v1", "Namespace", other.namespace))
    assert driver.objects() == untouched


def test_installing_beside_it_is_refused(driver: Driver, untouched: set[str]) -> None:
    refused = driver.skill("run", "strimzi-operator", "--name", "second", "-n", "second", code=3)
    assert (
        f"is in this cluster already: Deployment {STRIMZI.namespace}/"
        in (refused["problem"]["cause"])
    )
    assert driver.objects() == untouched
