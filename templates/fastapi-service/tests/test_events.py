"""Events: kept once, tried again when the store is away, dead when they are wrong."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from service import progress
from tests.conftest import Sidecar, deliver, event


def test_an_event_has_its_effect(service: TestClient, sidecar: Sidecar) -> None:
    assert deliver(service, event()) == "SUCCESS"
    assert service.get("/learners/ada").json() == {"learner": "ada", "lessons": ["loops"]}


def test_the_same_event_again_changes_nothing(service: TestClient, sidecar: Sidecar) -> None:
    assert [deliver(service, event()) for _ in range(3)] == ["SUCCESS"] * 3
    assert sidecar.writes == 1


def test_another_event_of_the_same_lesson_is_no_second_lesson(
    service: TestClient, sidecar: Sidecar
) -> None:
    deliver(service, event("e1"))
    deliver(service, event("e2"))
    assert sidecar.state["learner-ada"][0] == {
        "learner": "ada", "lessons": ["loops"], "events": ["e1", "e2"]
    }


def test_a_write_of_another_pod_meanwhile_is_not_lost(
    service: TestClient, sidecar: Sidecar
) -> None:
    other = {"learner": "ada", "lessons": ["lists"], "events": ["e0"]}
    sidecar.before_write.append(("learner-ada", other))
    assert deliver(service, event()) == "SUCCESS"
    assert sidecar.state["learner-ada"][0]["lessons"] == ["lists", "loops"]


def test_who_is_overtaken_again_and_again_is_tried_later(
    service: TestClient, sidecar: Sidecar
) -> None:
    other = {"learner": "ada", "lessons": [], "events": []}
    sidecar.before_write += [("learner-ada", other)] * progress.TRIES
    assert deliver(service, event()) == "RETRY"
    assert sidecar.writes == 0


def test_a_store_that_does_not_answer_is_tried_again(
    service: TestClient, sidecar: Sidecar
) -> None:
    sidecar.down = True
    assert deliver(service, event()) == "RETRY"
    sidecar.down = False
    assert deliver(service, event()) == "SUCCESS"


@pytest.mark.parametrize(
    "wrong",
    [
        event(learner="ada"),
        event(learner="", lesson="loops"),
        event(learner="../secrets", lesson="loops"),
        {**event(), "specversion": "0.3"},
        {**event(), "data": "text"},
        ["no event"],
        b"not json",
    ],
)
def test_what_no_retry_fixes_is_dead(service: TestClient, sidecar: Sidecar, wrong: Any) -> None:
    assert deliver(service, wrong) == "DROP"
    assert sidecar.state == {}


def test_the_memory_of_events_is_bounded(service: TestClient, sidecar: Sidecar) -> None:
    old = [f"e{n}" for n in range(progress.REMEMBERED)]
    sidecar.put("learner-ada", {"learner": "ada", "lessons": [], "events": old})
    deliver(service, event("new"))
    kept = sidecar.state["learner-ada"][0]["events"]
    assert len(kept) == progress.REMEMBERED
    assert kept[-1] == "new"
