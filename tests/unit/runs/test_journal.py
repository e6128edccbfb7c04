"""What a run reports: redacted, kept, remembered, passed on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skill_runner.progress import (
    Awaiting,
    Changing,
    Connected,
    Event,
    Line,
    ObjectState,
    StepFinished,
    StepResult,
)
from skill_runner.runs.folder import Run
from skill_runner.runs.journal import Journal
from skill_runner.text.redact import Redactor

SECRET = "hunter2-password"


def make(tmp_path: Path, seen: list[Event]) -> Journal:
    run = Run("r-1", tmp_path, Redactor([SECRET, "done"]))
    return Journal(run, [seen.append], lambda: 1_700_000_000.0)


def test_secrets_reach_neither_a_file_nor_a_screen(tmp_path: Path) -> None:
    seen: list[Event] = []
    journal = make(tmp_path, seen)
    journal(Line("helm", f"password: {SECRET}"))
    journal(Awaiting((ObjectState("Pod a", "failed", f"exit 1: {SECRET}"),)))
    journal(StepFinished(StepResult(id="a", status="done", message=SECRET)))
    written = "".join(file.read_text() for file in tmp_path.iterdir())
    assert SECRET not in written + repr(seen)
    assert "helm: password: (redacted)" in written
    assert journal.steps == [StepResult(id="a", status="done", message="(redacted)")]


def test_what_an_interrupted_run_s_outcome_needs(tmp_path: Path) -> None:
    journal = make(tmp_path, [])
    assert (journal.cluster, journal.changed) == ({}, False)
    journal(Connected("kind-x", "https://127.0.0.1:6443"))
    journal(Changing("web/web"))
    assert journal.cluster == {"context": "kind-x", "server": "https://127.0.0.1:6443"}
    assert journal.changed


def test_a_full_disk_does_not_end_a_run(tmp_path: Path) -> None:
    seen: list[Event] = []
    run = Run("r-1", tmp_path / "gone", Redactor(()))
    Journal(run, [seen.append], lambda: 0.0)(Changing("web/web"))
    assert seen == [Changing("web/web")]


def test_events_are_json_lines(tmp_path: Path) -> None:
    make(tmp_path, [])(Changing("web/web"))
    line = json.loads((tmp_path / "events.jsonl").read_text())
    assert line == {"event": "Changing", "at": 1_700_000_000.0, "installation": "web/web"}


@pytest.mark.parametrize("state", ["ready", "failed"])
def test_the_log_names_what_is_not_ready(tmp_path: Path, state: str) -> None:
    make(tmp_path, [])(Awaiting((ObjectState("Pod a", state, "exit 1", "it crashes"),)))
    log = tmp_path / "log.txt"
    assert log.exists() is (state == "failed")
    assert state == "ready" or "Pod a: it crashes" in log.read_text()
