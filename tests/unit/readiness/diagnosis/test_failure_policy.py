"""When a row of the failure policy is over, and how a skill changes one."""

from __future__ import annotations

import math
from typing import get_args

import pytest

from skill_runner.outcome import Code
from skill_runner.outcome.fix import FIXES
from skill_runner.readiness.diagnosis import DEFAULT_POLICY, Judged, Ledger, Symptom, judge
from skill_runner.skill.model import FailureOverride


def symptom(reason: str, *, sightings: int = 1, restarts: int = 0, grace: float = 0) -> Symptom:
    return Symptom(
        reason=reason,
        kind="Pod",
        name="web",
        namespace="default",
        uid="1",
        container="c",
        cause="",
        sightings=sightings,
        restarts=restarts,
        grace=grace,
    )


def judged(one: Symptom, *, after: float = 0.0) -> Judged:
    """The symptom as it is judged `after` seconds from when it was first seen."""
    ledger = Ledger()
    ledger.note([one], 0.0)
    return judge([one], DEFAULT_POLICY, ledger, after)[0]


@pytest.mark.parametrize("row", DEFAULT_POLICY.rows.values(), ids=lambda r: r.reason)
def test_every_row_has_a_code_of_the_closed_list_a_reason_and_a_way_to_fix_it(row: object) -> None:
    found = DEFAULT_POLICY.row(getattr(row, "reason"))  # noqa: B009
    assert found.code in get_args(Code)
    assert found.why.endswith(".")
    assert found.code in FIXES


def test_a_row_without_a_budget_is_terminal_at_first_sight() -> None:
    assert judged(symptom("ImageNotFound")).terminal


def test_a_budget_is_waited_out() -> None:
    one = symptom("ConfigMissing")
    assert judged(one, after=29).left == 1
    assert judged(one, after=30).terminal


def test_the_grace_of_the_probes_comes_before_the_budget() -> None:
    one = symptom("ProbeFailing", grace=31)
    assert judged(one, after=150).left == 1
    assert judged(one, after=151).terminal


def test_so_many_restarts_end_a_budget_early() -> None:
    assert not judged(symptom("CrashLoop", restarts=4)).terminal
    assert judged(symptom("CrashLoop", restarts=5)).terminal


def test_one_sighting_is_no_fact_where_two_are_asked_for() -> None:
    assert math.isinf(judged(symptom("RegistryUnreachable"), after=999).left)
    assert judged(symptom("RegistryUnreachable", sightings=2)).terminal


def test_a_transient_row_never_ends() -> None:
    assert not judged(symptom("Evicted"), after=1e6).terminal


def test_a_skill_changes_one_row_and_no_other() -> None:
    change = FailureOverride(reason="CrashLoop", budget=600, why="It replays its log first.")
    policy = DEFAULT_POLICY.override([change])
    assert (policy.row("CrashLoop").budget, policy.row("CrashLoop").why) == (600, change.why)
    others = set(DEFAULT_POLICY.rows) - {"CrashLoop"}
    assert all(policy.row(reason) == DEFAULT_POLICY.row(reason) for reason in others)
    assert DEFAULT_POLICY.row("CrashLoop").budget == 120


def test_a_kind_has_a_row_of_its_own_by_an_override() -> None:
    change = FailureOverride(reason="ResourceFailed:Redis", budget=9, why="Its operator is quick.")
    policy = DEFAULT_POLICY.override([change])
    assert policy.row("ResourceFailed:Redis").budget == 9
    assert policy.row("ResourceFailed:Other") == DEFAULT_POLICY.row("ResourceFailed")


def test_an_unknown_row_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no row 'CrashLop'; rows are .*CrashLoop"):
        DEFAULT_POLICY.override([FailureOverride(reason="CrashLop", budget=1, why="")])


def test_more_time_is_not_cut_short_by_a_count_of_restarts() -> None:
    longer = FailureOverride(reason="CrashLoop", budget=600, why="It replays its log first.")
    assert DEFAULT_POLICY.override([longer]).row("CrashLoop").restarts is None
    assert DEFAULT_POLICY.override([longer]).row("CrashLoop").repeats is None
    shorter = FailureOverride(reason="CrashLoop", budget=20, why="Shortened for a test.")
    assert DEFAULT_POLICY.override([shorter]).row("CrashLoop").restarts == 5
