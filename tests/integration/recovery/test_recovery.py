"""What a failed run leaves on a real cluster: evidence, then what `on_failure` says."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skill_runner.objects import Ref
from tests.support.driver import Driver

ROLLBACK, REMOVE = "fragile-rollback", "fragile-remove"
PASSWORD = "s3cret/pass+word"
FAILING = (
    "script=i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line $i of a long log of words; done; "
    'printf "\\033[31mFATAL\\033[0m: cannot reach db as $PASSWORD or $CODED\\n"; exit 3'
)
GOOD = "script=sleep 100001"


@pytest.fixture(scope="module", autouse=True)
def leaving_nothing(driver: Driver) -> Iterator[None]:
    yield
    for found in driver.skill("status")["installations"]:
        if str(found["installation"]).endswith((ROLLBACK, REMOVE)):
            driver.skill(
                "remove", str(found["installation"]).rpartition("/")[2], "--yes", "--purge"
            )


def uid(driver: Driver, namespace: str) -> str:
    return driver.uid(Ref("v1", "PersistentVolumeClaim", "data", namespace))


def test_a_first_run_that_fails_keeps_everything_with_evidence(driver: Driver) -> None:
    document = driver.skill("run", ROLLBACK, "--set", FAILING, code=1)
    assert document["recovery"]["status"] == "nothing to do"
    problem = document["problem"]
    assert (problem["code"], document["status"]) == ("CRASH_LOOP", "failed")
    assert "FATAL: cannot reach db as (redacted) or (redacted)" in problem["cause"]
    assert problem["fix"]
    assert len(json.dumps(document, ensure_ascii=False).encode()) < 2048
    for action in problem["next"]:
        assert "{" not in action["run"]
        assert driver.context in action["run"] or action["run"].startswith("skill describe")
    evidence = {path.name: path.read_text() for path in _files(document)}
    names = " ".join(evidence)
    for part in (".app.log", ".app.previous.log", ".events.txt", ".yaml"):
        assert part in names, names
    whole = "".join(evidence.values()) + json.dumps(document)
    assert PASSWORD not in whole
    assert base64.b64encode(PASSWORD.encode()).decode() not in whole
    assert "\033" not in whole


def _files(document: dict[str, Any]) -> list[Path]:
    return sorted((Path(document["details"]) / "evidence").iterdir())


def test_an_upgrade_that_fails_goes_back_and_keeps_its_data(driver: Driver) -> None:
    good = driver.skill("run", ROLLBACK, "--set", GOOD)
    assert (good["status"], good["proof"]["writes"]) == ("ready", "passed: wrote")
    before = uid(driver, ROLLBACK)
    document = driver.skill("run", ROLLBACK, "--set", FAILING, code=1)
    assert document["problem"]["code"] == "CRASH_LOOP"
    assert document["recovery"]["status"] == "ready"
    assert "is back at revision 2 (as revision 4)" in document["recovery"]["message"]
    assert _files(document)
    assert uid(driver, ROLLBACK) == before
    assert driver.skill("why", ROLLBACK)["status"] == "ready"
    position = driver.audit_position()
    assert driver.skill("run", ROLLBACK)["status"] == "unchanged"
    if driver.audit_log:
        assert driver.writes_since(position, ROLLBACK) == []


def test_observing_and_asking_why_only_read(driver: Driver) -> None:
    position = driver.audit_position()
    document = driver.skill("verify", ROLLBACK, "--observe")
    assert document["proof"] == {"looks": "passed: 1 available"}
    driver.skill("why", ROLLBACK)
    driver.skill("why", "-n", ROLLBACK)
    if driver.audit_log:
        assert set(driver.verbs_since(position)) <= {"get", "list", "watch"}


def test_a_rollback_that_does_not_get_ready_is_told(driver: Driver) -> None:
    """As after a migration that the old version cannot read."""
    driver.skill("run", ROLLBACK, "--set", "script=test ! -e /data/new || exit 4; sleep 100002")
    document = driver.skill("run", ROLLBACK, "--set", "script=touch /data/new; exit 3", code=1)
    assert "exited with code 3" in document["problem"]["cause"]
    assert document["recovery"]["status"] == "not ready"
    assert "exited with code 4" in document["recovery"]["message"]


def test_a_failed_first_run_is_removed_and_its_data_stays(driver: Driver) -> None:
    document = driver.skill("run", REMOVE, "--set", FAILING, code=1)
    assert (document["problem"]["code"], document["recovery"]["status"]) == ("CRASH_LOOP", "done")
    assert f"PersistentVolumeClaim {REMOVE}/data" in document["recovery"]["message"]
    assert _files(document)
    before = uid(driver, REMOVE)
    names = [str(i["installation"]) for i in driver.skill("status")["installations"]]
    assert f"{REMOVE}/{REMOVE}" not in names
    assert driver.skill("run", REMOVE, "--set", GOOD)["status"] == "ready"
    assert uid(driver, REMOVE) == before
