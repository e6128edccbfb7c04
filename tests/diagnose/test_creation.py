"""Why the API server refuses a pod."""

from __future__ import annotations

import pytest

from skill_runner.diagnose.creation import classify_refusal, explain_refusal, refusal_lines
from tests.diagnose.cases import Case, cases


@pytest.mark.parametrize("case", cases("refusals"), ids=str)
def test_refusal(case: Case) -> None:
    reason = classify_refusal(case["message"])
    assert reason is not None
    assert reason == case["reason"]
    cause = explain_refusal(reason, case["message"])
    for text in case["says"]:
        assert text in cause
    lines = list(refusal_lines({"kind": "ReplicaSet"}, reason, case["message"]))
    assert len(lines) == case.get("lines", 1)
    assert all(line.startswith("ReplicaSet controller: ") for line in lines)


def test_other_words_are_no_refusal() -> None:
    assert classify_refusal("Created pod: web-1") is None
