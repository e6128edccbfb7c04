"""Health, calls of others, publishing, logs, OpenAPI."""

from __future__ import annotations

import json
import logging

import pytest
from fastapi.testclient import TestClient

from service import logs
from tests.conftest import Sidecar, deliver, event


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
    assert service.post("/lessons", json={"learner": "ada"}).status_code == 422


def test_it_does_not_subscribe_by_itself(service: TestClient) -> None:
    assert service.get("/dapr/subscribe").status_code == 404


def test_openapi_names_every_route(service: TestClient) -> None:
    paths = service.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/healthz", "/readyz", "/events", "/learners/{learner}", "/lessons"}


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
