"""Many symptoms, one problem."""

from __future__ import annotations

from dataclasses import replace

from skill_runner.readiness.diagnosis import (
    DEFAULT_POLICY,
    Ledger,
    Symptom,
    as_problem,
    judge,
    root_cause,
)


def symptom(reason: str, name: str, **more: str) -> Symptom:
    return Symptom(
        reason=reason,
        kind="Pod",
        name=name,
        namespace="a",
        uid=name,
        cause=f"{reason} of {name}",
        **more,  # type: ignore[arg-type]
    )


def root_of(*symptoms: Symptom) -> str:
    judged = judge(symptoms, DEFAULT_POLICY, Ledger(), 0.0)
    root = root_cause(judged)
    assert root is not None
    return root.symptom.cause


def test_the_deepest_is_the_cause() -> None:
    found = root_of(
        symptom("ResourceFailed", "web"),
        symptom("ConfigMissing", "web-1"),
        symptom("CrashLoop", "api-1"),
    )
    assert found == "ConfigMissing of web-1"


def test_what_ends_the_wait_is_named_and_not_what_may_still_pass_elsewhere() -> None:
    found = root_of(
        symptom("ImageNotFound", "job-1", owner="Job task"),
        symptom("WebhookUnavailable", "web-1", owner="Deployment web"),
    )
    assert found == "ImageNotFound of job-1"


def test_in_one_workload_the_deeper_one_is_the_cause_of_what_ends_the_wait() -> None:
    found = root_of(
        symptom("JobFailed", "task", owner="Job task"),
        symptom("ConfigMissing", "task-1", owner="Job task"),
        symptom("WebhookUnavailable", "web-1", owner="Deployment web"),
    )
    assert found == "ConfigMissing of task-1"


def test_of_equal_ones_the_one_that_explains_most() -> None:
    found = root_of(
        symptom("ConfigMissing", "one", subject="Secret x"),
        symptom("ConfigMissing", "two", subject="Secret y"),
        symptom("ConfigMissing", "three", subject="Secret y"),
    )
    assert found == "ConfigMissing of two"


def test_what_waits_for_another_comes_after_it() -> None:
    client = replace(symptom("CrashLoop", "client", owner="Deployment client"), awaits=True)
    server = symptom("ProbeFailing", "server", owner="Deployment server")
    assert root_of(client, server) == "ProbeFailing of server"


def test_what_is_transient_is_no_cause() -> None:
    judged = judge([symptom("Evicted", "web")], DEFAULT_POLICY, Ledger(), 0.0)
    assert root_cause(judged) is None


def test_evidence_holds_its_own_lines_first_then_what_it_leads_to_then_the_others() -> None:
    root = symptom("ConfigMissing", "web-1")
    root = Symptom(
        reason="ConfigMissing",
        kind="Pod",
        name="web-1",
        namespace="a",
        uid="1",
        cause="no Secret",
        lines=("a", "b", "c", "d", "e"),
    )
    others = [symptom("ConfigMissing", "web-2"), symptom("CrashLoop", "api")]
    judged = judge([root, *others], DEFAULT_POLICY, Ledger(), 0.0)
    problem = as_problem(judged[0], judged, ["status of Deployment a/web: 0 of 1"])
    assert problem.evidence == (
        "a",
        "b",
        "c",
        "d",
        "status of Deployment a/web: 0 of 1",
        "also CONFIG_MISSING in 1 more: Pod a/web-2",
        "also: Pod a/api: CrashLoop of api",
    )


def test_a_problem_is_bounded_and_plain() -> None:
    long = Symptom(
        reason="CrashLoop",
        kind="Pod",
        name="x",
        namespace="a",
        uid="1",
        cause="\x1b[31m" + "word " * 1000,
        lines=("line " * 1000,) * 20,
    )
    judged = judge([long], DEFAULT_POLICY, Ledger(), 0.0)
    problem = as_problem(judged[0], judged)
    assert len(problem.cause) <= 600
    assert sum(len(line) for line in problem.evidence) <= 7 * 300
    assert "\x1b" not in problem.cause
