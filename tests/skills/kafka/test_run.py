"""kafka-k8s-setup on a real cluster: run, again, break, change, remove."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from evals.contracts import count_tokens, install_client
from evals.tokens import texts
from skill_runner.objects import Ref
from tests.support.driver import Driver

pytestmark = pytest.mark.cluster

NAME = "kafka-k8s-setup"
GUIDE = f"{NAME}/SKILL.md"
STATEFUL_SET = Ref("apps/v1", "StatefulSet", "kafka", "kafka")


@pytest.fixture(scope="module")
def untouched(driver: Driver) -> Iterator[set[str]]:
    """What the cluster holds before; nothing of a test is left after."""
    before = driver.objects()
    yield before
    if driver.skill("status")["installations"]:
        driver.skill("remove", NAME, "--yes", "--purge")


@pytest.fixture(scope="module")
def installed(driver: Driver, untouched: set[str]) -> dict[str, object]:
    return driver.skill("run", NAME, "--set", "topics=[learnflow.lesson.completed]")


def test_messages_flow(installed: dict[str, object]) -> None:
    assert installed["status"] == "ready"
    assert installed["proof"] == {"round-trip": "passed: 100 of 100 messages came back"}
    outputs = installed["outputs"]
    assert isinstance(outputs, dict)
    assert outputs["bootstrap_servers"] == "kafka-bootstrap.kafka.svc:9092"


def test_what_an_agent_reads_stays_small(installed: dict[str, object]) -> None:
    install_client()
    parts = {name: text for name, text in texts([]).items() if name in ("skill list", GUIDE)}
    counted = count_tokens({**parts, "outcome": json.dumps(installed)})
    assert len(counted) == 3
    assert sum(counted.values()) < 2500, counted


def test_again_writes_nothing(driver: Driver, installed: dict[str, object]) -> None:
    position = driver.audit_position()
    again = driver.skill("run", NAME)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    assert again["proof"]["round-trip"].startswith("passed")
    if driver.audit_log:
        assert driver.writes_since(position, "kafka") == []


def test_verify_proves_again(driver: Driver, installed: dict[str, object]) -> None:
    verified = driver.skill("verify", NAME)
    assert verified["proof"] == {"round-trip": "passed: 100 of 100 messages came back"}


def test_more_partitions_for_a_topic_but_never_fewer(
    driver: Driver, installed: dict[str, object]
) -> None:
    raised = driver.skill("run", NAME, "--set", "topics=['learnflow.lesson.completed:6']")
    assert raised["changed"] is True
    refused = driver.skill("run", NAME, "--set", "topics=['learnflow.lesson.completed:2']", code=1)
    assert "cannot be taken away" in refused["problem"]["cause"]
    driver.skill("run", NAME, "--set", "topics=['learnflow.lesson.completed:6']")


def test_the_number_of_brokers_is_refused(driver: Driver, installed: dict[str, object]) -> None:
    refused = driver.skill("run", NAME, "--set", "brokers=3", code=6)
    assert "brokers" in refused["problem"]["cause"]


def test_what_is_deleted_by_hand_is_put_back(driver: Driver, installed: dict[str, object]) -> None:
    driver.delete(STATEFUL_SET)
    back = driver.skill("run", NAME)
    assert (back["status"], back["changed"]) == ("ready", True)
    assert back["proof"]["round-trip"] == "passed: 100 of 100 messages came back"


def test_a_run_that_is_killed_is_continued(driver: Driver, installed: dict[str, object]) -> None:
    child = driver.start("run", NAME, "--redeploy", "-o", "json")
    assert child.stderr is not None
    for line in child.stderr:
        if "Helm release" in line:
            break
    child.send_signal(signal.SIGKILL)
    child.communicate()
    again = driver.skill("run", NAME)
    assert again["exit_code"] == 0


def test_an_interrupted_run_says_so(driver: Driver, installed: dict[str, object]) -> None:
    child = driver.start("run", NAME, "--prove", "-o", "json")
    assert child.stderr is not None
    for line in child.stderr:
        if "proof" in line:
            break
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate()
    assert child.returncode == 130
    assert '"status": "interrupted"' in out
    assert driver.skill("verify", NAME)["status"] == "ready"


def test_removal_needs_its_confirmation(driver: Driver, installed: dict[str, object]) -> None:
    child = driver.start("remove", NAME)
    _, err = child.communicate()
    assert child.returncode == 6
    assert "--yes" in err


def test_remove_leaves_nothing(
    driver: Driver, untouched: set[str], installed: dict[str, object]
) -> None:
    kept = driver.skill("remove", NAME, "--yes")
    assert any("kept PersistentVolumeClaim" in note for note in kept["notes"])
    driver.skill("run", NAME)
    driver.skill("remove", NAME, "--yes", "--purge")
    assert driver.objects() == untouched
    assert driver.skill("status")["installations"] == []


def test_three_brokers_survive_the_restart_of_one(driver: Driver, untouched: set[str]) -> None:
    outcome = driver.skill(
        "run", NAME, "--drill", "--set", "brokers=3", "--set", "resources={cpu: '1', memory: 768Mi}"
    )
    assert outcome["proof"]["broker-restart"].endswith("while kafka-2 restarted")
    driver.skill("remove", NAME, "--yes", "--purge")
    assert driver.objects() == untouched
