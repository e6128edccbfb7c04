"""What a kubelet says it does not find, and when that has come."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.readiness.diagnosis.events import Seen, read_events
from skill_runner.readiness.diagnosis.missing_config import Missing, missed_by, missing_of

NO_VOLUME = 'MountVolume.SetUp failed for volume "v" : configmap "settings" not found'


@pytest.mark.parametrize(
    ("message", "missing", "words"),
    [
        ('secret "db" not found', Missing("Secret", "db"), "Secret a/db does not exist"),
        (NO_VOLUME, Missing("ConfigMap", "settings"), "ConfigMap a/settings does not exist"),
        (
            "couldn't find key p in Secret a/db",
            Missing("Secret", "db", "p"),
            "Secret a/db has no key p",
        ),
        (
            "references non-existent config key: p",
            Missing("ConfigMap", "", "p"),
            "a ConfigMap that the pod mounts has no key p",
        ),
        ("timed out waiting for the condition", None, ""),
    ],
)
def test_what_is_missing(message: str, missing: Missing | None, words: str) -> None:
    assert missing_of(message) == missing
    if missing is not None:
        assert missing.absent("a") == words


def pod(phase: str, message: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": "CreateContainerConfigError", "message": message}}
    return {"status": {"phase": phase, "containerStatuses": [{"name": "c", "state": state}]}}


def told(message: str) -> Seen:
    (seen,) = read_events([{"kind": "Event", "reason": "FailedMount", "message": message}])
    return seen


def test_what_a_pod_misses_is_said_by_its_containers_and_its_volumes() -> None:
    found = missed_by(pod("Pending", 'secret "db" not found'), [told(NO_VOLUME), told(NO_VOLUME)])
    assert list(found) == [Missing("Secret", "db"), Missing("ConfigMap", "settings")]


def test_volumes_are_there_once_a_pod_runs() -> None:
    assert list(missed_by(pod("Running"), [told(NO_VOLUME)])) == []


def test_a_key_without_the_name_of_its_object_cannot_be_looked_for() -> None:
    events = [told("references non-existent secret key: p")]
    assert list(missed_by(pod("Pending"), events)) == []


@pytest.mark.parametrize(
    ("obj", "there"),
    [
        ({}, False),
        ({"data": {"o": "x"}}, False),
        ({"data": {"p": ""}}, True),
        ({"binaryData": {"p": ""}}, True),
    ],
)
def test_a_key_has_come_when_its_object_holds_it(obj: dict[str, Any], there: bool) -> None:
    assert Missing("ConfigMap", "settings", "p").is_in(obj) is there
    assert Missing("ConfigMap", "settings").is_in(obj)
