"""What an existing installation lets its inputs do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from skill_runner.errors import Refused
from skill_runner.plan.changes import check_changes
from skill_runner.skill.loader import load_skill
from skill_runner.skill.model import Change, Skill
from tests.support.paths import ECHO


@pytest.fixture(scope="module")
def echo() -> Skill:
    return load_skill(ECHO)


@pytest.mark.parametrize(
    ("change", "old", "new", "allowed"),
    [
        ("free", 1, "anything", True),
        ("refuse", 1, 1, True),
        ("refuse", 1, 2, False),
        ("grow", "5Gi", "10Gi", True),
        ("grow", "5Gi", "6000Mi", True),
        ("grow", "5Gi", "5G", False),
        ("grow", "1Gi", "1024Mi", True),
        ("grow", "2Ti", "1Ti", False),
        ("grow", 1, 3, True),
        ("grow", 3, 1, False),
        ("grow", ["a"], ["b", "a"], True),
        ("grow", ["a", "b"], ["a"], False),
        ("grow", {"a": 1}, {"a": 2, "b": 0}, True),
        ("grow", {"a": 1}, {"b": 1}, False),
        ("grow", "text", "other", False),
        ("grow", True, False, False),
    ],
)
def test_changes(echo: Skill, change: Change, old: Any, new: Any, allowed: bool) -> None:
    one = replace(echo.inputs["storage"], change=change)
    skill = replace(echo, inputs={"storage": one})
    if allowed:
        check_changes(skill, {"storage": old}, {"storage": new})
        return
    with pytest.raises(Refused) as caught:
        check_changes(skill, {"storage": old}, {"storage": new})
    assert caught.value.exit_code == 6
    assert "storage:" in str(caught.value)
    assert "--name" in caught.value.hint


def test_what_was_not_recorded_may_have_any_value(echo: Skill) -> None:
    check_changes(echo, {}, {"namespace": "other"})
    check_changes(echo, {"namespace": "echo", "gone": 1}, {"namespace": "echo"})
