"""Events: kept once, tried again when the store is away, dead when they are wrong."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from service import progress
from service.app import create_app
from service.settings import Settings
from tests.conftest import ENVIRONMENT, Sidecar, deliver, event


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
        "learner": "ada", "lessons": ["loops"], "events": ["test e1", "test e2"]
    }


def test_the_same_id_of_another_source_is_another_event(
    service: TestClient, sidecar: Sidecar
) -> None:
    deliver(service, event())
    other = {**event(), "source": "elsewhere", "data": {"learner": "ada", "lesson": "lists"}}
    assert deliver(service, other) == "SUCCESS"
    assert sidecar.state["learner-ada"][0]["lessons"] == ["loops", "lists"]


@pytest.mark.parametrize("data", [{"learner": "ada", "lesson": "proof"}, {"learner": "ada"}])
def test_a_proof_of_another_service_has_no_effect(
    service: TestClient, sidecar: Sidecar, data: dict[str, str]
) -> None:
    probe = {**event(**data), "type": progress.PROBE, "subject": "staging.lessons"}
    assert deliver(service, probe) == "SUCCESS"
    assert (sidecar.state, sidecar.published) == ({}, [])


def test_a_proof_of_this_service_is_an_event_like_any_other(
    service: TestClient, sidecar: Sidecar
) -> None:
    probe = {**event(), "type": progress.PROBE, "subject": ENVIRONMENT["CONSUMER_GROUP"]}
    assert deliver(service, probe) == "SUCCESS"
    assert sidecar.writes == 1


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


def test_a_store_that_does_not_answer_is_tried_again(service: TestClient, sidecar: Sidecar) -> None:
    sidecar.down = True
    assert deliver(service, event()) == "RETRY"
    sidecar.down = False
    assert deliver(service, event()) == "SUCCESS"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (event(learner="ada"), "data.lesson: Field required"),
        (event(learner="", lesson="loops"), "data.learner: String should have at least 1"),
        (event(learner="../secrets", lesson="loops"), "data.learner: String should match"),
        (event(learner="ada", lesson="a", more="b"), "data.more: Extra inputs are not permitted"),
        ({**event(), "specversion": "0.3"}, "specversion: Input should be '1.0'"),
        ({**event(), "source": ""}, "source: String should have at least 1"),
        ({**event(), "data": "text"}, "data: Input should be a valid dictionary"),
    ],
)
def test_what_no_retry_fixes_is_dead_with_the_reason(
    service: TestClient, sidecar: Sidecar, wrong: dict[str, Any], reason: str
) -> None:
    assert deliver(service, wrong) == "SUCCESS"
    assert sidecar.state == {}
    ((topic, letter),) = sidecar.published
    assert letter.pop("reason").startswith(reason)
    assert (topic, letter) == ("lessons.dead", {**wrong, "origin": "lessons.completed"})


@pytest.mark.parametrize("wrong", [["no event"], b"not json"])
def test_what_is_no_event_is_left_to_dapr(
    service: TestClient, sidecar: Sidecar, wrong: Any
) -> None:
    assert deliver(service, wrong) == "DROP"
    assert sidecar.published == []


def test_a_dead_letter_that_cannot_be_sent_is_tried_again(
    service: TestClient, sidecar: Sidecar
) -> None:
    sidecar.down = True
    assert deliver(service, event(learner="ada")) == "RETRY"


def test_a_service_that_knows_no_dead_letter_topic_leaves_it_to_dapr(sidecar: Sidecar) -> None:
    settings = Settings.of({**ENVIRONMENT, "DEAD_LETTER": ""})
    with TestClient(create_app(settings, httpx2.MockTransport(sidecar))) as service:
        assert deliver(service, event(learner="ada")) == "DROP"


def test_the_memory_of_events_is_bounded(service: TestClient, sidecar: Sidecar) -> None:
    old = [f"test e{n}" for n in range(progress.REMEMBERED)]
    sidecar.put("learner-ada", {"learner": "ada", "lessons": [], "events": old})
    deliver(service, event("new"))
    kept = sidecar.state["learner-ada"][0]["events"]
    assert len(kept) == progress.REMEMBERED
    assert kept[-1] == "test new"
