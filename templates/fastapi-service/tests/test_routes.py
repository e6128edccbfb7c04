"""Health, calls of others, publishing, logs, OpenAPI."""

from __future__ import annotations

import json
import logging

import httpx2
import pytest
from fastapi.testclient import TestClient

from service import logs
from service.app import create_app
from service.settings import Settings
from tests.conftest import ENVIRONMENT, Sidecar, deliver, event


def test_alive_needs_nobody(service: TestClient, sidecar: Sidecar) -> None:
    sidecar.down = True
    assert service.get("/healthz").status_code == 200


def test_ready_needs_the_sidecar(service: TestClient, sidecar: Sidecar) -> None:
    assert service.get("/readyz").status_code == 200
    sidecar.down = True
    assert service.get("/readyz").status_code == 503


def test_an_unknown_learner(service: TestClient) -> None:
    assert service.get("/learners/nobody").status_code == 404


def test_a_store_that_is_away_is_said(service: TestClient, sidecar: Sidecar) -> None:
    sidecar.down = True
    assert service.get("/learners/ada").status_code == 503
    assert service.post("/lessons", json={"learner": "a", "lesson": "b"}).status_code == 503


def test_a_completed_lesson_is_an_event(service: TestClient, sidecar: Sidecar) -> None:
    done = {"learner": "ada", "lesson": "loops"}
    assert service.post("/lessons", json=done).status_code == 202
    assert sidecar.published == [("lessons.completed", done)]
    assert sidecar.metadata == [{"metadata.partitionKey": "ada"}]  # in order, and a new event
    assert service.post("/lessons", json={"learner": "ada"}).status_code == 422


def test_a_request_that_is_sent_again_is_the_same_event(
    service: TestClient, sidecar: Sidecar
) -> None:
    def post(key: str, lesson: str) -> str:
        done = {"learner": "ada", "lesson": lesson}
        service.post("/lessons", json=done, headers={"Idempotency-Key": key})
        return sidecar.metadata[-1]["metadata.cloudevent.id"]

    first = post("k1", "loops")
    assert post("k1", "loops") == first
    assert post("k2", "loops") != first
    assert post("k1", "lists") != first, "another lesson is not what was sent before"


def test_a_front_end_gets_the_lessons(service: TestClient) -> None:
    lessons = service.get("/lessons").json()
    assert {"id": "probes", "title": "Probes that tell the truth"} in lessons
    assert all(set(lesson) == {"id", "title"} for lesson in lessons)


def test_it_does_not_subscribe_by_itself(service: TestClient) -> None:
    assert service.get("/dapr/subscribe").status_code == 404


def test_openapi_names_every_route(service: TestClient) -> None:
    paths = service.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/healthz", "/readyz", "/events", "/learners/{learner}", "/lessons"}


def test_who_reaches_the_service_reads_no_documentation_unless_it_is_asked_for(
    sidecar: Sidecar,
) -> None:
    settings = Settings.of({**ENVIRONMENT, "DOCS": ""})
    with TestClient(create_app(settings, httpx2.MockTransport(sidecar))) as service:
        assert [service.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [
            404, 404, 404
        ]


@pytest.mark.parametrize("shown", [None, "", "wrong", "shown by the sidecar "])
def test_an_event_of_somebody_else_is_refused(
    service: TestClient, sidecar: Sidecar, shown: str | None
) -> None:
    headers = {} if shown is None else {"dapr-api-token": shown}
    answer = service.post("/events", json=event(), headers=headers)
    assert answer.status_code == 401
    assert sidecar.state == {}


def test_logs_of_the_sidecars_client_hold_no_addresses(
    service: TestClient, sidecar: Sidecar, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO")
    sidecar.put("learner-grace", {"learner": "grace", "lessons": [], "events": []})
    service.get("/learners/grace")
    lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if json.loads(line)["logger"].startswith("httpx")]


def test_logs_are_json_with_the_event_and_without_its_data(
    service: TestClient, sidecar: Sidecar, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO")  # to the stream that this test reads
    deliver(service, event("e7", learner="grace"))
    deliver(service, event("e8"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = {line["event"]: line for line in lines if "event" in line}
    assert told["e7"]["why"] == ["data.lesson: Field required"]
    assert told["e8"]["message"] == "event handled"
    assert "grace" not in json.dumps(lines)


def test_probes_that_pass_are_not_told() -> None:
    def access(path: str, status: int) -> logging.LogRecord:
        args = ("127.0.0.1", "GET", path, "1.1", status)
        return logging.LogRecord("uvicorn.access", 20, "", 0, "%s %s %s %s %d", args, None)

    assert not logs.is_told(access("/healthz", 200))
    assert logs.is_told(access("/readyz", 503))
    assert logs.is_told(access("/events", 200))
