"""One pod with its events and its log → the problem that an outcome names."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.outcome import Problem
from skill_runner.readiness.diagnosis import (
    DEFAULT_POLICY,
    Ledger,
    PodView,
    Scene,
    as_problem,
    find_symptoms,
    judge,
    read_events,
    root_cause,
)
from tests.unit.readiness.diagnosis.cases import Case, cases


@pytest.mark.parametrize("case", cases("pods"), ids=str)
def test_pod(case: Case) -> None:
    problem = problem_of(case)
    if "code" not in case:
        assert problem is None
        return
    assert problem is not None
    assert problem.code == case["code"]
    assert problem.resource.startswith("Pod default/web")
    for text in case.get("says", []):
        assert text in problem.cause
    whole = "\n".join(problem.evidence)
    for text in case.get("lines", []):
        assert text in whole
    assert problem.fix
    assert problem.next


def problem_of(case: Case) -> Problem | None:
    status = {"name": "c", "ready": False, "restartCount": 0, **case["status"]}
    ready = "True" if status["ready"] else "False"
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default", "uid": "1", **case.get("meta", {})},
        "spec": {
            **case.get("pod", {}),
            "containers": [
                {"name": "c", "image": "example.org/web:1", **case.get("container", {})}
            ],
        },
        "status": {
            "phase": "Running",
            "containerStatuses": [status],
            "conditions": [{"type": "Ready", "status": ready}],
            **case.get("more", {}),
        },
    }
    about = {"uid": "1", "kind": "Pod", "name": "web", "fieldPath": "spec.containers{c}"}
    events = read_events(
        {
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "type": "Warning",
            "lastTimestamp": f"2026-01-01T00:00:{number:02}Z",
        }
        for number, (reason, message) in enumerate(case.get("events", []))
    )
    view = PodView(pod, events, {"c": case.get("log", "")}, answers={"c": case.get("answer", "")})
    judged = judge(find_symptoms(Scene(pods=(view,))), DEFAULT_POLICY, Ledger(), 0.0)
    root = root_cause(judged)
    return as_problem(root, judged) if root else None
