"""What a handler answers, and what becomes of its event: rows of the page on at-least-once."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from skill_runner.errors import ApiError
from skill_runner.objects import Ref
from skill_runner.skill.shipped import shipped
from tests.support.driver import Driver
from tests.support.paths import ROOT

pytestmark = pytest.mark.cluster

NAME, SERVICE, SPACE, TOPIC = "fastapi-dapr-agent", "seen", "apps", "acts"
HOWTO = ROOT / "docs" / "howto" / "fastapi.md"
RETRIES = 10  # for some 50 s: longer than a container takes to start again
BROKER = Ref("v1", "Pod", "kafka-0", "kafka")
ANSWERS = ("SUCCESS", "RETRY", "RETRY once", "DROP", "404", "500", "exception", "time-out")


@dataclass(frozen=True, slots=True)
class Seen:
    """How often an event came and had its effect, and whether it is a dead letter."""

    came: int
    effects: int
    dead: bool


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seen")
    shutil.copy(Path(__file__).parent / "handler" / "app.py", folder)
    shutil.copy(shipped("templates") / "fastapi-service" / "requirements.txt", folder)
    return folder


@pytest.fixture(scope="module")
def service(driver: Driver, source: Path) -> Iterator[dict[str, Any]]:
    untouched = driver.objects()
    given = {
        "source": source,
        "replicas": 1,
        "subscribe": [TOPIC],
        "retries": RETRIES,
        "handler_seconds": 2,
        "probe": '{data: {act: SUCCESS, by: "{id}"}, key: "{id}", fails: {act: DROP}}',
    }
    inputs = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    dapr = ("--with", "dapr.scheduler=memory")
    inputs += ["--with", "kafka.partitions=12"]
    try:
        yield driver.skill("run", NAME, "--name", SERVICE, *inputs, *dapr)
    finally:
        for name in (SERVICE, "dapr-k8s-setup", "kafka-k8s-setup", "postgres-k8s-setup"):
            driver.skill("remove", name, "--yes", "--purge")
    assert driver.objects() == untouched


def python(driver: Driver, script: str) -> Any:
    """What a script in the application's container says, as JSON."""
    (pod,) = pods(driver)
    done = driver.exec(Ref.of(pod), "app", ["python", "-c", HELPERS + script], "")
    assert done.stdout, done.stderr  # the container may end as soon as it has said it
    return json.loads(done.stdout)


HELPERS = """
import json, os, sys, time, httpx2
base = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}/v1.0"
sidecar = httpx2.Client(base_url=base, timeout=20)
state = f"/state/{os.environ['STATE_STORE']}"
def publish(name, act):
    event = {'specversion': '1.0', 'id': name, 'source': 'test', 'type': 'test'}
    event['data'] = {'act': act}
    where = f"/publish/{os.environ['PUBSUB_NAME']}/acts?metadata.partitionKey={name}"
    kind = {'Content-Type': 'application/cloudevents+json'}
    sidecar.post(where, content=json.dumps(event), headers=kind).raise_for_status()
"""
READ = """
lines = open('/tmp/ledger').read().split()
found = sidecar.post(f'{state}/bulk', json={'keys': NAMES, 'parallelism': 10}).json()
print(json.dumps([lines, {each['key']: each.get('data') for each in found}]))
"""


def pods(driver: Driver) -> list[dict[str, Any]]:
    return [
        each
        for each in driver.every("Pod")
        if each["metadata"]["labels"].get("app.kubernetes.io/name") == SERVICE
        and not each["metadata"].get("deletionTimestamp")
    ]


def name_of(act: str) -> str:
    return act.lower().replace(" ", "-")


def publish(driver: Driver, *acts: str) -> bool:
    """True once the broker has them."""
    events = [(name_of(act), act) for act in acts]
    script = f"for name, act in {events!r}: publish(name, act)\nprint('true')"
    return bool(python(driver, script))


def look(driver: Driver, *acts: str) -> dict[str, Seen]:
    """How often each came and had its effect; its ends as dead letters are looked for elsewhere."""
    names = [name_of(act) for act in acts]
    lines, effects = python(driver, READ.replace("NAMES", repr(names)))
    came = Counter(lines)
    return {
        act: Seen(came[name], int(effects.get(name) or 0), dead=False)
        for act, name in zip(acts, names, strict=True)
    }


def until(true: Callable[[], Any], what: str, *, seconds: float = 240) -> Any:
    """What `true` says once it is true, also where the cluster does not answer meanwhile."""
    deadline, last = time.monotonic() + seconds, ""
    while time.monotonic() < deadline:
        try:
            if found := true():
                return found
        except (AssertionError, ApiError) as error:  # a container or a store starts again
            last = str(error)[:300]
        time.sleep(0.5)
    pytest.fail(f"{what}: {last}")


def dead_letters(driver: Driver) -> set[str]:
    """The ids of the events in the dead-letter topic."""
    done = driver.exec(BROKER, "kafka", ["bash", "-c", CONSUME], "")
    assert done.exit_code == 0, done.stderr
    return {json.loads(line)["id"] for line in done.stdout.splitlines()}


CONSUME = """export KAFKA_HEAP_OPTS=-Xmx64m
/opt/kafka/bin/kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic apps.seen.dead \\
  --from-beginning --timeout-ms 5000 2>/dev/null || true"""


@pytest.fixture(scope="module")
def answers(driver: Driver, service: dict[str, Any]) -> dict[str, Seen]:
    """What became of events by the answers of their handler."""
    publish(driver, *ANSWERS)
    ends = {name_of(act) for act in ("RETRY", "DROP", "500", "exception", "time-out")}
    dead = until(lambda: ends <= (found := dead_letters(driver)) and found, f"of {ends} some live")
    until(lambda: look(driver, "RETRY once")["RETRY once"].effects, "no effect when tried again")
    seen = look(driver, *ANSWERS)
    return {a: Seen(s.came, s.effects, name_of(a) in dead) for a, s in seen.items()}


def test_what_becomes_of_an_event_by_what_its_handler_answers(answers: dict[str, Seen]) -> None:
    tried = Seen(RETRIES + 1, 0, dead=True)
    seen = dict(answers)
    assert seen.pop("time-out").dead, "the handler goes on, and may have its effect late"
    assert seen == {
        "SUCCESS": Seen(1, 1, dead=False),
        "RETRY": tried,
        "RETRY once": Seen(2, 1, dead=False),
        "DROP": Seen(1, 0, dead=True),
        "404": Seen(1, 0, dead=False),  # lost
        "500": tried,
        "exception": tried,
    }


def test_dead_letters_are_brought_back_as_the_page_says(
    driver: Driver, service: dict[str, Any], answers: dict[str, Seen]
) -> None:
    act = "RETRY for now"
    publish(driver, act)
    until(lambda: look(driver, act)[act].came == RETRIES + 1, "it is not tried to its end")
    until(lambda: name_of(act) in dead_letters(driver), "it is no dead letter")
    python(driver, "open('/tmp/better', 'w').close(); print('true')")
    command = re.search(r"exec kafka-0 -- bash -c '\n(.*?)'\n", HOWTO.read_text(), re.DOTALL)
    assert command is not None
    script = command[1].replace("apps.lessons.dead", "apps.seen.dead")
    script = script.replace("apps.lessons.redrive", "apps.seen.redrive")
    script = script.replace("lessons.completed", TOPIC)
    done = driver.exec(BROKER, "kafka", ["bash", "-c", script], "")
    assert done.exit_code == 0, done.stderr
    until(lambda: look(driver, act)[act].effects == 1, f"it did not come back: {done.stderr}")


def test_the_sidecar_counts_what_it_hands_over(
    driver: Driver, service: dict[str, Any], answers: dict[str, Seen]
) -> None:
    """As the proof reads it, to tell a service that is at work from one that is broken."""
    probe = (shipped("skills") / NAME / "scripts" / "probe.py").read_text()
    pattern = re.search(r'COUNT = re.compile\(r"(.*)", re.MULTILINE\)', probe)
    assert pattern is not None
    address = "http://127.0.0.1:9090/metrics"
    metrics = python(driver, f"print(json.dumps(httpx2.get({address!r}).text))")
    counts = {
        status: float(count)
        for labels, count in re.findall(pattern[1], metrics, re.MULTILINE)
        for status in re.findall(r'process_status="(\w+)"', labels)
        if f'topic="{TOPIC}"' in labels
    }
    assert counts["success"] >= 1
    assert counts["retry"] >= RETRIES


def test_a_route_that_the_application_does_not_have_is_no_ready_service(
    driver: Driver, service: dict[str, Any]
) -> None:
    """Dapr takes its 404 for an answer: every event of the topic would be lost."""
    asked = ("run", NAME, "--name", SERVICE, "--set", f"routes={{{TOPIC}: /evnts}}")
    refused = driver.skill(*asked, code=1)
    assert f"the application answers 404 at /evnts (topic {TOPIC})" in refused["problem"]["cause"]
    assert driver.skill("run", NAME, "--name", SERVICE, "--set", "routes={}")["status"] == "ready"
