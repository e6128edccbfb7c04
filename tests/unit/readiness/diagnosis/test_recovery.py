"""How long a container that came back has to run, and when what was before is over."""

from __future__ import annotations

import pytest

from skill_runner.objects import Object
from skill_runner.readiness.diagnosis.recovery import epoch, is_past, must_run, relapse_of

BEGAN = "2026-01-01T00:10:00Z"
NOW = epoch(BEGAN)
LIVENESS: Object = {"livenessProbe": {"initialDelaySeconds": 90, "tcpSocket": {"port": 80}}}


def back(*, restarts: int, lasted: int) -> Object:
    before = {"startedAt": "2026-01-01T00:00:00Z"}
    before["finishedAt"] = f"2026-01-01T00:{lasted // 60:02}:{lasted % 60:02}Z"
    return {
        "name": "c",
        "ready": True,
        "restartCount": restarts,
        "state": {"running": {"startedAt": BEGAN}},
        "lastState": {"terminated": before},
    }


@pytest.mark.parametrize(
    ("restarts", "lasted", "seconds"),
    [(0, 40, 0), (1, 40, 10), (2, 2, 10), (2, 40, 45), (40, 55, 60), (40, 540, 10)],
)
def test_it_has_to_run_for_longer_than_before(restarts: int, lasted: int, seconds: int) -> None:
    status = back(restarts=restarts, lasted=lasted)
    assert must_run(status) == seconds
    assert relapse_of(status, NOW + 4) == max(0, seconds - 4)
    assert relapse_of({**status, "ready": False}, NOW) == 0


@pytest.mark.parametrize(
    ("spec", "after", "past"),
    [({}, 59, False), ({}, 60, True), (LIVENESS, 60, False), (LIVENESS, 127, True)],
)
def test_a_crash_is_over_when_its_own_probes_let_a_bad_start_live_no_longer(
    spec: Object, after: int, past: bool
) -> None:
    status = {"state": {"running": {"startedAt": BEGAN}}}
    assert is_past(spec, status, NOW + after) is past
    assert not is_past(spec, status, 0)
    assert not is_past(spec, {"state": {"waiting": {}}}, NOW + after)
