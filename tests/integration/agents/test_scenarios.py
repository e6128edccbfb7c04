"""What agents do, by the shell and by MCP, with the same assertions."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import jsonschema

from evals.contracts import Contract
from skill_runner.outcome import json_schema
from skill_runner.runs.process import Holder
from tests.integration.agents.conftest import Connect

SKILL = "tiny-web"
PROVEN = "passed: it says what it was told to"


def outcome(agent: Contract, tool: str, **arguments: Any) -> dict[str, Any]:
    """One call, whose answer must keep to the published schema and size."""
    document = agent.call(tool, **arguments)
    jsonschema.validate(document, json_schema())
    assert len(json.dumps(document, ensure_ascii=False).encode()) <= 4096
    return document


def installations(agent: Contract) -> list[str]:
    return [row["installation"] for row in agent.call("status")["installations"]]


def test_it_finds_the_skill_and_reads_about_it(agent: Contract) -> None:
    listed = {row["name"]: row for row in agent.call("list_skills")["skills"]}
    assert "A pod that answers" in listed[SKILL]["summary"]
    described = agent.call("describe_skill", skill=SKILL)
    assert described["inputs"]["properties"]["hang"]["default"] == "nowhere"


def test_a_plan_touches_nothing(agent: Contract, place: str) -> None:
    planned = outcome(agent, "plan", skill=SKILL, namespace=place)
    assert (planned["status"], planned["changed"]) == ("planned", False)
    assert planned["installation"] == f"{place}/{SKILL}"
    assert installations(agent) == []


def test_it_installs_and_again_nothing_changes(agent: Contract, place: str) -> None:
    asked: dict[str, Any] = {"skill": SKILL, "namespace": place, "inputs": {"greeting": "-n {{1}}"}}
    ready = outcome(agent, "run", **asked)
    assert (ready["status"], ready["exit_code"], ready["changed"]) == ("ready", 0, True)
    assert ready["proof"] == {"says": PROVEN}
    assert ready["outputs"]["address"] == f"{SKILL}.{place}.svc:80"
    again = outcome(agent, "run", **asked)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    assert installations(agent) == [f"{place}/{SKILL}"]
    verified = outcome(agent, "verify", name=SKILL)
    assert agent.progress >= 1
    assert (verified["status"], verified["proof"]) == ("ready", {"says": PROVEN})


def test_a_wrong_image_is_named_and_fixed(agent: Contract, place: str) -> None:
    wrong = {"greeting": "hello", "container": "localhost/not-here:1"}
    failed = outcome(agent, "run", skill=SKILL, namespace=place, inputs=wrong)
    assert (failed["status"], failed["exit_code"]) == ("failed", 1), failed["problem"]
    problem = failed["problem"]
    assert problem["code"] in ("REGISTRY_UNREACHABLE", "IMAGE_NOT_FOUND")
    assert "container web" in problem["resource"]
    assert "localhost/not-here:1" in problem["cause"]
    assert problem["next"]
    told = outcome(agent, "why", name=SKILL)
    assert told["problem"]["code"] == problem["code"]
    right = {"container": "localhost/test-busybox:1"}
    fixed = outcome(agent, "run", skill=SKILL, namespace=place, inputs=right)
    assert (fixed["status"], fixed["changed"]) == ("ready", True)


def test_another_cluster_is_refused(agent: Contract, place: str) -> None:
    refused = outcome(agent, "run", skill=SKILL, namespace=place, context="production")
    assert (refused["status"], refused["exit_code"]) == ("refused", 6)
    assert "production" in refused["problem"]["cause"]


def until_it_hangs(agent: Contract, run: str) -> None:
    """Ask until the run is in the hook that never ends; an end of the run is a failure."""
    notes: list[str] = []
    while not any("hook after" in note for note in notes):
        found = outcome(agent, "status", run_id=run, wait_seconds=0.5)
        assert found["status"] == "running", found
        notes = found["notes"]


def test_work_outlives_its_caller_and_a_killed_run_is_continued(
    agent: Contract, connect: Connect, place: str
) -> None:
    hanging = {"greeting": "hello", "hang": "hook"}
    started = outcome(agent, "run", skill=SKILL, namespace=place, inputs=hanging, wait_seconds=0)
    assert started["status"] == "running"
    other = connect()  # another shell, another server: all it has is the id
    until_it_hangs(other, started["run"])
    second = outcome(other, "run", skill=SKILL, namespace=place, inputs={"hang": "nowhere"})
    assert (second["exit_code"], second["problem"]["code"]) == (7, "LOCKED")

    facts = json.loads((Path(started["details"]) / "run.json").read_text())
    os.kill(Holder.parse(facts["process"]).pid, signal.SIGKILL)
    died = outcome(other, "status", run_id=started["run"], wait_seconds=30)
    assert (died["status"], died["exit_code"]) == ("interrupted", 130)
    resumed = outcome(
        other, "run", skill=SKILL, namespace=place, inputs={"hang": "nowhere"}, wait_seconds=120
    )
    if resumed["status"] == "running":
        resumed = outcome(other, "status", run_id=resumed["run"], wait_seconds=120)
    assert (resumed["status"], resumed["proof"]) == ("ready", {"says": PROVEN})


def test_it_removes_what_it_confirms_by_name(agent: Contract, place: str) -> None:
    gone = outcome(agent, "remove", name=SKILL, confirm=SKILL, purge=True, wait_seconds=120)
    assert (gone["status"], gone["exit_code"]) == ("removed", 0)
    assert installations(agent) == []
