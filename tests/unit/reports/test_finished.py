"""The cases that a command's outcome and events make."""

from __future__ import annotations

from dataclasses import replace

from skill_runner.outcome import EdgeResult, Outcome, to_dict
from skill_runner.reports import Finished, cases
from tests.unit.reports.played import APP, BUS, CAUSE, platform, ready


def test_each_step_object_and_proof_is_a_case_and_the_whole_is_one() -> None:
    assert [(c.installation, c.kind, c.name, c.state) for c in cases(platform())] == [
        (BUS, "step", "release", "passed"),
        (APP, "step", "release", "passed"),
        (APP, "proof", "delivery", "failed"),
        (BUS, "object", "StatefulSet bus/bus", "passed"),
        ("shop", "result", "up", "failed"),
    ]


def test_a_step_that_failed_without_words_says_the_cause() -> None:
    [proof] = [case for case in cases(platform()) if case.kind == "proof"]
    assert proof.message == f"PROOF_FAILED: {CAUSE}"


def test_an_object_is_awaited_until_it_is_ready() -> None:
    [awaited] = [case for case in cases(platform()) if case.kind == "object"]
    assert awaited.seconds == 2.0
    assert awaited.message == "1 of 1 replicas are ready"


def test_an_object_that_the_problem_names_failed_and_the_others_were_left() -> None:
    it = platform()
    it = replace(it, events=tuple(e for e in it.events if e["at"] <= 101.0))
    assert [c.state for c in cases(it) if c.kind == "object"] == ["skipped"]
    named = {**it.document, "problem": {**it.problem, "resource": "StatefulSet bus/bus"}}  # type: ignore[dict-item]
    assert [c.state for c in cases(replace(it, document=named)) if c.kind == "object"] == ["failed"]


def test_without_events_the_document_tells() -> None:
    outcome = Outcome(status="ready", installation="a/b", proof={"x": "passed: 1", "y": "not run"})
    found = cases(Finished("verify", to_dict(outcome)))
    assert [(c.kind, c.name, c.state) for c in found] == [
        ("proof", "x", "passed"),
        ("proof", "y", "skipped"),
        ("result", "verify", "passed"),
    ]


def test_a_command_that_is_at_work_neither_passed_nor_failed() -> None:
    document = to_dict(Outcome(status="running", exit_code=7))
    assert [c.state for c in cases(Finished("run", document))] == ["skipped"]


def test_an_unchanged_run_is_one_case_that_passed() -> None:
    assert [(c.kind, c.state, c.message) for c in cases(ready())] == [
        ("result", "passed", "unchanged")
    ]


def test_a_way_between_installations_is_a_case() -> None:
    seen = EdgeResult(origin="a", target="b", by="HTTP", status="seen", message="200", seconds=0.2)
    broken = EdgeResult(origin="b", target="c", by="SQL", status="broken", message="refused")
    later = EdgeResult(origin="c", target="d", by="an event")
    outcome = Outcome(status="failed", exit_code=1, edges=(seen, broken, later))
    found = [case for case in cases(Finished("up", to_dict(outcome))) if case.kind == "edge"]
    assert [(case.name, case.state, case.message) for case in found] == [
        ("a → b by HTTP", "passed", "200"),
        ("b → c by SQL", "failed", "refused"),
        ("c → d by an event", "skipped", ""),
    ]
