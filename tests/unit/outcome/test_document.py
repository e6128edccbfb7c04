"""The outcome document: its schema, its size, what is cut first."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skill_runner import errors
from skill_runner.outcome import (
    LIMIT,
    NextAction,
    Outcome,
    Problem,
    from_error,
    json_schema,
    to_dict,
    to_json,
)
from skill_runner.progress import StepResult

PROBLEM = Problem(
    code="IMAGE_NOT_FOUND",
    resource="Pod kafka/kafka-0 container kafka",
    cause="image docker.io/apache/kafka:9.9.9 does not exist",
    evidence=("kubelet: not found",),
    next=(NextAction(run="skill run kafka-k8s-setup", safe=True),),
)
FAILED = Outcome(
    status="failed",
    exit_code=1,
    run="kafka-7f3a",
    installation="kafka/kafka-k8s-setup",
    version="1.0.0",
    changed=True,
    seconds=9.44,
    cluster={"context": "embedded", "server": "https://127.0.0.1:6443"},
    steps=(StepResult(id="brokers", status="failed", seconds=8.91, message="no image"),),
    problem=PROBLEM,
    details="somewhere",
)


VALID = jsonschema.Draft202012Validator(json_schema())


def check(text: str) -> None:
    VALID.validate(json.loads(text))


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_a_failed_run_is_one_small_document() -> None:
    text = to_json(FAILED)
    check(text)
    assert len(text.encode()) < 2048
    assert json.loads(text)["problem"]["code"] == "IMAGE_NOT_FOUND"


@pytest.mark.parametrize(
    "error",
    [
        errors.InputError("bad inputs", listed=["brokers: 2 is not one of 1, 3"]),
        errors.Refused("context not named", hint="--context prod"),
        errors.PreflightFailed("no node is large enough"),
        errors.ClusterUnreachable("nothing answers"),
        errors.Forbidden("you may not"),
        errors.LockHeld("another run"),
        errors.NotReadyInTime("0 of 1 replicas"),
        errors.ChartError("no such value"),
        errors.BuildFailed("no builder"),
        errors.HookFailed("hook x raised"),
        errors.ApiError("500"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_every_error_becomes_a_valid_outcome_with_its_exit_code(error: errors.SkillError) -> None:
    outcome = from_error.outcome_of(error, installation="x/y")
    check(to_json(outcome))
    assert outcome.exit_code == error.exit_code != 0
    assert outcome.problem is not None
    assert outcome.problem.cause


@given(
    evidence=st.lists(st.text(max_size=600), max_size=40),
    notes=st.lists(st.text(max_size=400), max_size=30),
    steps=st.integers(0, 60),
)
def test_it_never_exceeds_the_limit(evidence: list[str], notes: list[str], steps: int) -> None:
    outcome = replace(
        FAILED,
        problem=replace(PROBLEM, evidence=tuple(evidence)),
        notes=tuple(notes),
        steps=tuple(
            StepResult(id=f"step-{i}", status="done", message="m" * 80) for i in range(steps)
        ),
    )
    text = to_json(outcome)
    check(text)
    document = json.loads(text)
    assert len(text.encode()) < LIMIT
    assert document["problem"]["resource"] == PROBLEM.resource
    assert document["problem"]["next"] == to_dict(outcome)["problem"]["next"]


@pytest.mark.parametrize("part", ["installation", "proof", "outputs", "next", "resource", "notes"])
def test_not_even_a_callers_own_huge_values_make_it_large(part: str) -> None:
    huge = "ä" * 20_000
    many = {f"{number}-{huge}": huge for number in range(50)}
    action = NextAction(run=f"skill run {huge}", safe=True)
    changed = {
        "installation": replace(FAILED, installation=huge),
        "proof": replace(FAILED, proof=many),
        "outputs": replace(FAILED, outputs={"deep": [many, many]}),
        "next": replace(FAILED, problem=replace(PROBLEM, next=(action, *PROBLEM.next))),
        "resource": replace(FAILED, problem=replace(PROBLEM, resource=huge)),
        "notes": replace(FAILED, notes=(huge,) * 100),
    }[part]
    text = to_json(changed)
    check(text)
    assert len(text.encode()) < LIMIT
    document = json.loads(text)
    assert document["truncated"]
    assert document["problem"]["code"] == "IMAGE_NOT_FOUND"
    assert document["problem"]["next"] == [{"run": "skill run kafka-k8s-setup", "safe": True}]
