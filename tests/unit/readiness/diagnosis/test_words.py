"""Which line of a log tells most; what is left of a long message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skill_runner.readiness.diagnosis.text import plain, squeeze, telling_line, times
from tests.unit.readiness.diagnosis.cases import Case, cases


@pytest.mark.parametrize("case", cases("words"), ids=str)
def test_telling_line(case: Case) -> None:
    assert telling_line(case["log"]) == case["tells"]


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    text = "failed to pull image x: " + "failed to do request: " * 30 + "no such host"
    short = squeeze(text, 100)
    assert len(short) == 100
    assert short.startswith("failed to pull image x")
    assert short.endswith("no such host")


@given(st.text(), st.integers(min_value=10, max_value=300))
def test_squeezed_text_is_never_longer(text: str, width: int) -> None:
    assert len(squeeze(text, width)) <= max(width, 0)


def test_text_from_the_cluster_is_one_line_without_control_characters() -> None:
    assert plain("\x1b[31mFATAL\x1b[0m:\n\tno\x07 way") == "FATAL: no way"


def test_counted_words() -> None:
    assert (times(1, "restart"), times(2, "restart")) == ("1 restart", "2 restarts")
