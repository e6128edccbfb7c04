"""The grace that a container's own probes give it."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.readiness.diagnosis.events import Seen
from skill_runner.readiness.diagnosis.pod_view import PodView
from skill_runner.readiness.diagnosis.probe_times import grace_of
from skill_runner.readiness.diagnosis.probes import describe_probe, probe_symptoms


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        ({}, 0),
        ({"readinessProbe": {"tcpSocket": {"port": 80}}}, 31),  # the defaults: 3 × 10 s + 1 s
        ({"readinessProbe": {"periodSeconds": 2, "failureThreshold": 5}}, 11),
        ({"readinessProbe": {"initialDelaySeconds": 60, "periodSeconds": 1}}, 64),
        ({"startupProbe": {"failureThreshold": 30}, "readinessProbe": {"periodSeconds": 1}}, 305),
    ],
)
def test_grace(spec: dict[str, Any], seconds: float) -> None:
    assert grace_of(spec) == seconds


@pytest.mark.parametrize(
    ("probe", "text"),
    [
        ({"httpGet": {"port": 80, "path": "/ready"}}, "GET :80/ready"),
        ({"tcpSocket": {"port": "http"}}, "TCP :http"),
        ({"grpc": {"port": 9}}, "gRPC :9"),
        ({"exec": {"command": ["pg_isready", "-q"]}}, "exec “pg_isready -q”"),
    ],
)
def test_described(probe: dict[str, Any], text: str) -> None:
    assert describe_probe(probe, {}) == text


def test_what_a_command_says_comes_without_its_progress_meter() -> None:
    probe = {"exec": {"command": ["ready.sh"]}}
    pod = {
        "metadata": {"name": "k", "namespace": "default", "uid": "u"},
        "spec": {"containers": [{"name": "kafka", "readinessProbe": probe}]},
        "status": {
            "containerStatuses": [
                {"name": "kafka", "ready": False, "restartCount": 0, "state": {"running": {}}}
            ]
        },
    }
    said = (
        "Readiness probe failed:   % Total    % Received % Xferd  Average Speed   Time\n"
        "\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n"
        "curl: (22) The requested URL returned error: 503"
    )
    seen = Seen(
        uid="u",
        kind="Pod",
        name="k",
        namespace="default",
        container="kafka",
        reason="Unhealthy",
        message=said,
        count=1,
        last="2026-01-01T00:00:00Z",
        warning=True,
    )
    (symptom,) = probe_symptoms(PodView(pod, (seen,)))
    assert symptom.cause == (
        "container kafka is not ready: its probe exec “ready.sh” does not pass"
        " (“curl: (22) The requested URL returned error: 503”)"
    )
