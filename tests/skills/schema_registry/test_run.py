"""schema-registry-k8s-setup on a real cluster: run, again, evolve, refuse, break, remove."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skill_runner.objects import Object, Ref
from tests.support.driver import Driver
from tests.support.images import load_recipe_image

pytestmark = pytest.mark.cluster

NAME = "schema-registry-k8s-setup"
SPACE = "schema-registry"
POD = Ref("v1", "Pod", "schema-registry-0", SPACE)
URL = "http://schema-registry.schema-registry.svc:8080/apis/ccompat/v7"
PROVEN = (
    "passed: a schema was registered, evolved, refused when incompatible (409) and read back by id;"
    " a message of confluent-kafka's serialiser came back "
)
SUBJECTS = ["code.executed-value", "lesson.completed-value"]
KAFKA = Ref("apps/v1", "StatefulSet", "kafka", "kafka")
POSTGRES = Ref("apps/v1", "StatefulSet", "postgres", "postgres")
JOURNAL = "schemas.schema-registry.schema-registry"
COMPACTED = f"Kafka deletes schemas: topic {JOURNAL} has cleanup.policy=compact"
ASK = "import sys, urllib.request as r; sys.stdout.write(r.urlopen(sys.argv[1]).read().decode())"


def lesson(**properties: str) -> Object:
    """A JSON Schema whose properties have these types; `learner` is required."""
    return {
        "type": "object",
        "title": "Lesson",
        "additionalProperties": False,
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": ["learner"],
    }


@pytest.fixture(scope="module")
def untouched(driver: Driver) -> Iterator[set[str]]:
    """What the cluster holds before; nothing of a test is left after."""
    before = driver.objects()
    yield before
    for name in (NAME, "kafka-k8s-setup", "postgres-k8s-setup"):
        if any(i["skill"] == name for i in driver.skill("status")["installations"]):
            driver.skill("remove", name, "--yes", "--purge")


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    write(folder, lesson(learner="string"))
    fields = [{"name": "id", "type": "string"}]
    record = {"type": "record", "name": "Code", "fields": fields}
    (folder / "code.executed-value.avsc").write_text(json.dumps(record))
    return folder


def write(folder: Path, schema: Object) -> None:
    (folder / "lesson.completed-value.json").write_text(json.dumps(schema))


@pytest.fixture(scope="module")
def installed(driver: Driver, untouched: set[str], schemas: Path) -> dict[str, Any]:
    return driver.skill("run", NAME, "--set", f"schemas={schemas}", "--drill")


def ask(driver: Driver, path: str) -> Any:
    """The registry's answer to another pod."""
    image = load_recipe_image(driver, NAME, "client")
    return json.loads(driver.run_pod(SPACE, image, ["python3", "-c", ASK, f"{URL}/{path}"], env={}))


def test_schemas_are_kept_evolve_and_are_refused(installed: dict[str, Any]) -> None:
    assert installed["status"] == "ready"
    assert installed["proof"]["evolution"] == f"{PROVEN}without a broker"
    assert installed["outputs"] == {"url": URL, "compatibility": "BACKWARD", "version": "3.3.3"}


def test_a_restart_loses_nothing(installed: dict[str, Any]) -> None:
    assert installed["proof"]["restart"].startswith("passed: schema ")
    assert installed["proof"]["restart"].endswith(
        " is there after pod schema-registry-0 was deleted"
    )


def test_every_file_of_the_folder_is_a_subject(driver: Driver, installed: dict[str, Any]) -> None:
    assert ask(driver, "subjects") == SUBJECTS
    latest = {name: ask(driver, f"subjects/{name}/versions/latest") for name in SUBJECTS}
    assert [latest[name].get("schemaType", "AVRO") for name in SUBJECTS] == ["AVRO", "JSON"]
    assert ask(driver, "config") == {"compatibilityLevel": "BACKWARD"}


def test_again_writes_nothing(driver: Driver, installed: dict[str, Any]) -> None:
    position = driver.audit_position()
    again = driver.skill("run", NAME)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    if driver.audit_log:
        assert driver.writes_since(position, SPACE) == []


def test_an_incompatible_schema_is_refused_before_anything_is_touched(
    driver: Driver, installed: dict[str, Any], schemas: Path
) -> None:
    write(schemas, lesson(learner="integer", score="integer"))
    position = driver.audit_position()
    refused = driver.skill("run", NAME, "--set", "resources={cpu: '1', memory: 640Mi}", code=3)
    assert refused["problem"]["code"] == "CHECK_FAILED"
    assert refused["problem"]["resource"] == "Subject lesson.completed-value"
    assert "breaks BACKWARD: “learner: Subschema type changed" in refused["problem"]["cause"]
    if driver.audit_log:
        assert driver.writes_since(position, SPACE) == []


def test_a_compatible_one_becomes_a_version_and_the_old_one_stays(
    driver: Driver, installed: dict[str, Any], schemas: Path
) -> None:
    write(schemas, lesson(learner="string", score="integer"))
    (schemas / "code.executed-value.avsc").unlink()
    raised = driver.skill("run", NAME)
    assert (raised["status"], raised["changed"]) == ("ready", True)
    assert ask(driver, "subjects/lesson.completed-value/versions") == [1, 2]
    assert ask(driver, "subjects") == SUBJECTS


def test_remove_leaves_nothing(
    driver: Driver, untouched: set[str], installed: dict[str, Any]
) -> None:
    kept = driver.skill("remove", NAME, "--yes")
    assert any("kept PersistentVolumeClaim" in note for note in kept["notes"])
    driver.skill("run", NAME)
    assert ask(driver, "subjects/lesson.completed-value/versions") == [1, 2]
    driver.skill("remove", NAME, "--yes", "--purge")
    assert driver.objects() == untouched


def test_kafka_away_and_a_compacted_journal_are_named(driver: Driver, untouched: set[str]) -> None:
    with_kafka = driver.skill("run", NAME, "--set", "storage=kafka")
    assert with_kafka["proof"] == {
        "journal": "passed: Kafka keeps all of 3 topics for ever",
        "evolution": f"{PROVEN}through Kafka (kafka-bootstrap.kafka.svc:9092)",
    }

    driver.scale(KAFKA, 0)
    broken = driver.skill("verify", NAME, code=1)
    assert broken["problem"]["code"] == "PROOF_FAILED"
    assert ask(driver, "subjects") == []
    driver.scale(KAFKA, 1)
    driver.until_ready(Ref("v1", "Pod", "kafka-0", "kafka"))
    assert driver.skill("verify", NAME)["status"] == "ready"

    compact(driver)
    noticed = driver.skill("verify", NAME, code=1)
    assert COMPACTED in noticed["problem"]["cause"]
    driver.delete(POD)
    driver.until(POD, crashed_in_init)
    named = driver.skill("why", NAME, code=5)
    assert named["problem"]["resource"] == f"Pod {SPACE}/schema-registry-0 container journal"
    assert COMPACTED in named["problem"]["cause"]

    driver.skill("remove", NAME, "--yes", "--purge")
    driver.skill("remove", "kafka-k8s-setup", "--yes", "--purge")
    assert driver.objects() == untouched


def compact(driver: Driver) -> None:
    """By hand, as somebody does who has heard that a journal of schemas is compacted."""
    tool = "/opt/kafka/bin/kafka-run-class.sh kafka.admin.ConfigCommand"
    change = f"--alter --entity-type topics --entity-name {JOURNAL}"
    setting = "--bootstrap-server localhost:9092 --add-config cleanup.policy=compact"
    done = driver.exec(
        Ref("v1", "Pod", "kafka-0", "kafka"),
        "kafka",
        ["bash", "-c", f"KAFKA_HEAP_OPTS=-Xmx96m {tool} {setting} {change}"],
        "",
    )
    assert done.exit_code == 0, done.stderr


def crashed_in_init(pod: Object) -> bool:
    statuses = (pod.get("status") or {}).get("initContainerStatuses") or ()
    return any(status["restartCount"] > 0 for status in statuses)


def test_a_database_that_is_away_is_named_and_nothing_is_restarted(
    driver: Driver, untouched: set[str], tmp_path: Path
) -> None:
    write(tmp_path, lesson(learner="string"))
    driver.skill("run", NAME, "--set", "storage=postgres", "--set", f"schemas={tmp_path}")
    driver.scale(POSTGRES, 0)
    driver.until(POD, lambda pod: not is_ready(pod))
    broken = driver.skill("why", NAME, code=5)
    assert broken["problem"]["code"] == "PROBE_FAILING"
    # by which of its checks it says so depends on when it is asked
    assert re.search(r"[Cc]onnection.* refused", json.dumps(broken["problem"]["evidence"]))
    driver.scale(POSTGRES, 1)
    assert driver.skill("verify", NAME)["proof"]["evolution"].startswith("passed")
    assert ask(driver, "subjects") == ["lesson.completed-value"]
    assert driver.get(POD)["status"]["containerStatuses"][0]["restartCount"] == 0

    driver.skill("remove", NAME, "--yes", "--purge")
    driver.skill("remove", "postgres-k8s-setup", "--yes", "--purge")
    assert driver.objects() == untouched


def is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
