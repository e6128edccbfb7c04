"""A pod that no node takes: for ever, until a node comes, or until its turn has come."""

from __future__ import annotations

import pytest

from skill_runner.objects import Object
from skill_runner.readiness.diagnosis import PodView, read_events
from skill_runner.readiness.diagnosis.scheduling import scheduling_symptoms
from tests.unit.readiness.diagnosis.cases import Case, cases


@pytest.mark.parametrize("case", cases("scheduling"), ids=str)
def test_row(case: Case) -> None:
    unplaced = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available",
    }
    container = {"name": "c", "resources": {"requests": case.get("requests", {})}}
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default", "uid": "1"},
        "spec": {"containers": [container], "nodeSelector": case.get("selector", {})},
        "status": {"phase": "Pending", "conditions": [unplaced]},
    }
    events = read_events(
        {
            "involvedObject": {"uid": "1"},
            "reason": reason,
            "message": message,
            "lastTimestamp": f"2026-01-01T00:00:{number:02}Z",
        }
        for number, (reason, message) in enumerate(case.get("events", []))
    )
    (symptom,) = scheduling_symptoms(PodView(pod, events), tuple(case["nodes"]))
    assert symptom.reason == case["reason"]
    for _, message in case.get("events", [])[-1:]:
        assert f"autoscaler: {message}" in symptom.lines
