"""Runs in processes of their own, asked for by their ids."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from skill_runner.backends.clock import SystemClock
from skill_runner.errors import UsageError
from skill_runner.outcome import Outcome, json_schema, to_json
from skill_runner.progress import (
    Awaiting,
    Changing,
    Connected,
    ObjectState,
    StepFinished,
    StepResult,
    StepStarted,
)
from skill_runner.runs import detached
from skill_runner.runs.folder import DETACHED, OUTCOME, Run, start_run
from skill_runner.runs.journal import Journal
from skill_runner.runs.process import Holder
from skill_runner.testing import FakeClock

NOW = 1_700_000_000.0


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path))


@pytest.fixture
def run() -> Run:
    made = start_run("kafka-k8s-setup", now=NOW)
    made.introduce("run", "kafka-k8s-setup", "events", Holder.here())
    return made


def looked(run_id: str) -> dict[str, Any]:
    document = detached.look(run_id)
    jsonschema.validate(document, json_schema(), jsonschema.Draft202012Validator)
    return document


def dead() -> Holder:
    """A process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    holder = Holder.of(child.pid)
    child.wait()
    return holder


def test_a_run_that_works_says_how_far_it_is(run: Run) -> None:
    journal = Journal(run, [], lambda: NOW)
    journal(Connected("embedded", "https://127.0.0.1:6443"))
    journal(StepStarted("image", "image kafka"))
    journal(StepFinished(StepResult(id="image", status="done")))
    journal(StepStarted("broker", "Helm release kafka"))
    journal(Changing("kafka/events"))
    journal(Awaiting((ObjectState("Pod kafka-0", "progressing", "pulls its image"),)))
    document = looked(run.id)
    assert (document["status"], document["exit_code"]) == ("running", detached.RUNNING_EXIT)
    assert document["changed"]
    assert document["cluster"]["context"] == "embedded"
    assert [step["id"] for step in document["steps"]] == ["image"]
    assert document["notes"][:2] == ["Helm release kafka", "Pod kafka-0: pulls its image"]


def test_a_line_that_is_being_written_does_no_harm(run: Run) -> None:
    (run.folder / "events.jsonl").write_text('{"event": "Changing", "at": 1}\n{"event": "St')
    assert looked(run.id)["changed"]


def test_a_run_that_ended_gives_its_outcome(run: Run) -> None:
    run.keep(OUTCOME, to_json(Outcome(status="ready", run=run.id)))
    assert looked(run.id)["status"] == "ready"


def test_a_run_that_was_killed_says_so_and_how_to_go_on(run: Run) -> None:
    run.introduce("run", "kafka-k8s-setup", "events", dead())
    document = looked(run.id)
    assert (document["status"], document["exit_code"]) == ("interrupted", 130)
    assert document["problem"]["next"][0]["run"] == "skill run kafka-k8s-setup --name events"


def test_an_unknown_run_is_named_with_the_recent_ones(run: Run) -> None:
    with pytest.raises(UsageError, match=r"no run 'nope'") as raised:
        detached.look("nope")
    assert run.id in raised.value.hint


async def test_waiting_ends_when_the_run_does(run: Run) -> None:
    clock = FakeClock()

    async def end() -> None:
        await clock.sleep(10)
        run.keep(OUTCOME, to_json(Outcome(status="ready", run=run.id)))

    ending = asyncio.ensure_future(end())
    assert (await detached.wait(run.id, 60, clock))["status"] == "ready"
    assert clock.monotonic() < 11
    await ending


async def test_waiting_ends_when_its_time_has_passed(run: Run) -> None:
    clock = FakeClock()
    assert (await detached.wait(run.id, 60, clock))["status"] == "running"
    assert clock.monotonic() == 60


def test_the_log_s_last_lines(run: Run) -> None:
    assert detached.tail(run.id, 5) == ()
    (run.folder / "stderr.txt").write_text("Traceback\nMemoryError\n")
    assert detached.tail(run.id, 1) == ("MemoryError",)
    run.log("one")
    run.log("two")
    assert detached.tail(run.id, 1) == ("two",)
    assert detached.tail(run.id, 0) == ()


async def test_a_worker_of_its_own_works_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The real thing: its arguments come by a pipe, and are not on its command line."""
    monkeypatch.delenv(DETACHED, raising=False)
    secret = "--set=password=hunter2-hunter2"
    run = detached.start(
        ["plan", "no-such-skill", secret, "-o", "json"],
        label="no-such-skill",
        installation="x",
        now=NOW,
    )
    pid = Holder.parse(json.loads((run.folder / "run.json").read_text())["process"]).pid
    assert "hunter2" not in Path(f"/proc/{pid}/cmdline").read_text()
    assert os.getsid(pid) == pid
    document = await detached.wait(run.id, 60, SystemClock())
    assert (document["status"], document["run"]) == ("refused", run.id)
    assert "no-such-skill" in document["problem"]["cause"]


def test_an_outcome_s_status_running_is_in_the_contract() -> None:
    outcome = replace(Outcome(status="running"), exit_code=5)
    jsonschema.validate(json.loads(to_json(outcome)), json_schema())


async def test_a_worker_that_refuses_its_arguments_names_its_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever was told that the run has started finds it in the answer."""
    monkeypatch.delenv(DETACHED, raising=False)
    run = detached.start(["plan", "--nonsense"], label="x", installation="x", now=NOW)
    document = await detached.wait(run.id, 60, SystemClock())
    assert (document["exit_code"], document["run"]) == (2, run.id)
    assert document["details"] == str(run.folder)
