"""The LearnFlow example on a real cluster: all by one command, then what becomes of events."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from skill_runner.actions.new import write_template
from skill_runner.objects import Ref
from skill_runner.plan import Installation
from skill_runner.skill.shipped import shipped
from tests.support.driver import Driver
from tests.support.paths import ROOT
from tests.support.traffic import during_calls

pytestmark = pytest.mark.cluster

EXAMPLE = ROOT / "examples" / "learnflow" / "platform.yaml"
NAME, SERVICE = "fastapi-dapr-agent", "lesson-service"
DAPR = {"scheduler": "memory"}
PROVEN = re.compile(
    r"passed: 200 at /healthz through the Service; called by another application at /readyz; "
    r"an event had its effect after \d+ ms; "
    r"one that fails is in learnflow\.lesson\.dead \(data\.lesson: Field required\)"
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parent = tmp_path_factory.mktemp("learnflow")
    write_template(shipped("templates") / "fastapi-service", parent, SERVICE)
    return parent / SERVICE


@pytest.fixture(scope="module")
def file(source: Path) -> Path:
    """The example, with a source that may be changed, and a Dapr without volumes."""
    platform = yaml.safe_load(EXAMPLE.read_text())
    for entry in platform["installations"]:
        if entry["skill"] == "dapr-k8s-setup":
            entry["inputs"] = DAPR
        if entry["skill"] == NAME:
            entry["inputs"]["source"] = SERVICE
    path = source.parent / "platform.yaml"
    path.write_text(yaml.safe_dump(platform))
    return path


@pytest.fixture(scope="module")
def untouched(driver: Driver, file: Path) -> Iterator[set[str]]:
    before = driver.objects()
    yield before
    if driver.skill("status")["installations"]:
        driver.skill("down", str(file), "--yes", "--purge", "--cascade")


@pytest.fixture(scope="module")
def platform(driver: Driver, untouched: set[str], file: Path) -> dict[str, Any]:
    return driver.skill("up", str(file))


def ask(driver: Driver, name: str, script: str) -> Any:
    """What a script in the application's container says, as JSON; `dapr` calls its sidecar."""
    pods = [
        each
        for each in driver.every("Pod")
        if each["metadata"]["labels"].get("app.kubernetes.io/name") == name
        and not each["metadata"].get("deletionTimestamp")
    ]
    done = driver.exec(Ref.of(pods[0]), "app", ["python", "-c", HELPERS + script], "")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


HELPERS = """
import json, os, time, httpx2
sidecar = httpx2.Client(base_url=f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}/v1.0")
store, pubsub = os.environ['STATE_STORE'], os.environ['PUBSUB_NAME']
def dapr(method, path, document=None, kind='application/json'):
    content = None if document is None else json.dumps(document)
    answer = sidecar.request(method, path, content=content, headers={'Content-Type': kind})
    answer.raise_for_status()
    return answer.json() if answer.content else None
def publish(topic, id, data):
    event = {'specversion': '1.0', 'id': id, 'source': 'test', 'type': 'test', 'data': data}
    # one partition: events come in the order in which they are published
    path = f'/publish/{pubsub}/{topic}?metadata.partitionKey=test'
    dapr('POST', path, event, 'application/cloudevents+json')
def until(key, true):
    deadline = time.monotonic() + 60
    while not ((found := dapr('GET', f'/state/{store}/{key}')) and true(found)):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found
"""


def test_one_command_brings_all_of_it(driver: Driver, platform: dict[str, Any]) -> None:
    assert platform["status"] == "ready"
    skills = {each["skill"]: each["status"] for each in platform["skills"]}
    parts = ("kafka", "postgres", "dapr", "schema-registry")
    assert skills == dict.fromkeys((*(f"{part}-k8s-setup" for part in parts), NAME), "ready")
    assert platform["critical_path"][-1] == f"learnflow/{SERVICE}"


def test_again_writes_nothing(driver: Driver, platform: dict[str, Any], file: Path) -> None:
    position = driver.audit_position()
    again = driver.skill("up", str(file))
    assert (again["status"], again["changed"]) == ("unchanged", False)
    if driver.audit_log:
        for namespace in ("learnflow", "kafka", "postgres", "schema-registry", "dapr-system"):
            assert driver.writes_since(position, namespace) == []


def test_events_are_handled_and_none_is_lost_with_a_pod(
    driver: Driver, platform: dict[str, Any]
) -> None:
    proven = driver.skill("run", NAME, "--name", SERVICE, "--prove", "--drill")
    assert PROVEN.fullmatch(proven["proof"]["service"]), proven["proof"]
    sidecars = proven["proof"]["sidecars"]
    assert sidecars == f"passed: 2 sidecars with {SERVICE}-pubsub, {SERVICE}-state"
    lost = r"passed: 200 of 200 events had their effect, with pod \S+ killed amid them"
    assert re.fullmatch(lost, proven["proof"]["at-least-once"]), proven["proof"]


SUBJECT = "learnflow.lesson.completed-value"


def test_the_schema_of_its_events_is_kept_before_its_pods_start(
    driver: Driver, platform: dict[str, Any], source: Path
) -> None:
    url = "http://schema-registry.schema-registry.svc:8080/apis/ccompat/v7"
    kept = ask(driver, SERVICE, f"print(httpx2.get('{url}/subjects/{SUBJECT}/versions/1').text)")
    written = json.loads((source / "events" / "lessons.completed.json").read_text())
    assert json.loads(kept["schema"]) == written


def test_a_schema_that_would_break_readers_stops_the_rollout(
    driver: Driver, platform: dict[str, Any], source: Path
) -> None:
    path = source / "events" / "lessons.completed.json"
    written = path.read_text()
    schema = json.loads(written)
    schema["properties"]["learner"] = {"type": "integer"}
    path.write_text(json.dumps(schema))
    position = driver.audit_position()
    refused = driver.skill("run", NAME, "--name", SERVICE, "--set", "env.NOTE=more", code=3)
    path.write_text(written)
    assert refused["problem"]["resource"] == f"Subject {SUBJECT}"
    assert "breaks BACKWARD: “learner: Subschema type changed" in refused["problem"]["cause"]
    if driver.audit_log:
        for namespace in ("learnflow", "schema-registry"):
            assert driver.writes_since(position, namespace) == []


def test_an_event_that_comes_twice_has_its_effect_once(
    driver: Driver, platform: dict[str, Any]
) -> None:
    kept = ask(driver, SERVICE, TWICE)
    assert kept == {"learner": "twice", "lessons": ["a", "b"], "events": ["test t1", "test t2"]}


TWICE = """
for id, lesson in (('t1', 'a'), ('t1', 'a'), ('t2', 'b')):
    publish('learnflow.lesson.completed', id, {'learner': 'twice', 'lesson': lesson})
found = until('learner-twice', lambda found: 'test t2' in found['events'])
dapr('DELETE', f'/state/{store}/learner-twice')
print(json.dumps(found))
"""


def test_an_event_that_does_not_come_from_the_sidecar_is_refused(
    driver: Driver, platform: dict[str, Any]
) -> None:
    assert ask(driver, SERVICE, FORGED) == [401, 401, True]


FORGED = f"""
event = {{'specversion': '1.0', 'id': 'f1', 'source': 'test', 'type': 'test',
          'data': {{'learner': 'forged', 'lesson': 'a'}}}}
where = 'http://{SERVICE}.learnflow.svc/events'
codes = [httpx2.post(where, json=event, headers=headers).status_code
         for headers in ({{}}, {{'dapr-api-token': 'a guess'}})]
print(json.dumps([*codes, dapr('GET', f'/state/{{store}}/learner-forged') is None]))
"""


def test_a_second_service_of_the_same_skill_beside_it(
    driver: Driver, platform: dict[str, Any]
) -> None:
    service = f"{SERVICE}.learnflow.svc"
    made = driver.skill(
        "run",
        NAME,
        "--name",
        "reports",
        "-n",
        "learnflow",
        "--set",
        "replicas=1",
        "--set",
        f"image={image_of(driver)}",
        "--set",
        "subscribe=[learnflow.lesson.completed]",
        "--set",
        "dead_letter=learnflow.reports.dead",
    )
    assert made["status"] == "ready"
    skipped = made["proof"]["service"]
    assert "an event's effect was not looked for" in skipped
    assert "no dead letter was looked for" in skipped
    assert {each["status"] for each in made["skills"]} >= {"ready", "used"}
    both = ask(
        driver,
        "reports",
        f"""
publish('learnflow.lesson.completed', 'both', {{'learner': 'both', 'lesson': 'a'}})
mine = until('learner-both', lambda found: True)
address = 'http://{service}/learners/both'
while (theirs := httpx2.get(address)).status_code == 404: time.sleep(0.2)
called = sidecar.get('/invoke/{SERVICE}/method/learners/both').json()
dapr('DELETE', f'/state/{{store}}/learner-both')
print(json.dumps([mine['lessons'], theirs.json()['lessons'], called['lessons']]))
""",
    )
    assert both == [["a"], ["a"], ["a"]], "each has its own consumer group and its own state"


def test_what_a_handler_cannot_handle_is_a_dead_letter_after_its_retries(
    driver: Driver, platform: dict[str, Any]
) -> None:
    """The second service, with a store that is not there: its handler asks for another try."""
    driver.skill(
        "run",
        NAME,
        "--name",
        "reports",
        "--set",
        "retries=1",
        "--set",
        "env={STATE_STORE: nowhere}",
    )
    ask(driver, "reports", NEVER)
    broker = Ref("v1", "Pod", "kafka-0", "kafka")
    done = driver.exec(broker, "kafka", ["bash", "-c", DEAD_LETTER], "")
    assert done.exit_code == 0, done.stderr
    letter = json.loads(done.stdout)
    assert (letter["id"], letter["data"]) == ("never", {"learner": "never", "lesson": "a"})
    driver.skill("remove", "reports", "--yes")
    assert driver.skill("verify", SERVICE)["status"] == "ready"


NEVER = """
publish('learnflow.lesson.completed', 'never', {'learner': 'never', 'lesson': 'a'})
print('{}')
"""
# The proofs' own events are dead letters of this service, too: it has heard of them.
DEAD_LETTER = """
exec {letters}< <(KAFKA_HEAP_OPTS=-Xmx64m exec /opt/kafka/bin/kafka-console-consumer.sh \\
  --bootstrap-server kafka-bootstrap.kafka.svc:9092 --topic learnflow.reports.dead \\
  --from-beginning --timeout-ms 60000 2>/dev/null)
consumer=$!
grep -m1 '"learner":"never"' <&$letters
found=$?
kill $consumer
exit $found
"""


def image_of(driver: Driver) -> str:
    deployment = driver.get(Ref("apps/v1", "Deployment", SERVICE, "learnflow"))
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_store_that_is_away_holds_events_up_and_loses_none(
    driver: Driver, platform: dict[str, Any]
) -> None:
    driver.delete(Ref("v1", "Pod", "postgres-0", "postgres"))
    kept = ask(
        driver,
        SERVICE,
        """
publish('learnflow.lesson.completed', 'away', {'learner': 'away', 'lesson': 'a'})
deadline = time.monotonic() + 60
while True:
    try:
        found = until('learner-away', lambda found: True)
        dapr('DELETE', f'/state/{store}/learner-away')
        break
    except httpx2.HTTPError:  # refused, or not answered in time: the store is away
        assert time.monotonic() < deadline
        time.sleep(0.2)
print(json.dumps(found))
""",
    )
    assert kept["events"] == ["test away"]


def test_an_update_drops_no_call(driver: Driver, platform: dict[str, Any]) -> None:
    """Callers that keep their connections, from before the update until the old pods are gone."""
    updated, seen = during_calls(
        driver,
        lambda: driver.skill("run", NAME, "--name", SERVICE, "--set", "env.NOTE=new"),
        image=image_of(driver),
        installation=Installation("learnflow", SERVICE),
        path="/healthz",
    )
    assert (updated["status"], updated["changed"]) == ("ready", True)
    assert seen["failures"] == []
    assert seen["sent_on"] >= 1, "nobody had a connection to a pod that ended"


def test_a_source_that_is_none_is_refused(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("flask==3.0\n")
    given = ("run", NAME, "--name", "wrong", "--set", f"source={tmp_path}")
    refused = driver.skill(*given, code=2)
    assert "it does not require fastapi" in refused["problem"]["cause"]
    absent = driver.skill("run", NAME, "--name", "wrong", "--set", "source=/none", code=2)
    assert "does not exist" in absent["problem"]["cause"]


def test_remove_leaves_nothing(
    driver: Driver, untouched: set[str], platform: dict[str, Any], file: Path
) -> None:
    driver.skill("down", str(file), "--yes", "--purge")
    assert driver.objects() == untouched
    shutil.rmtree(file.parent)
