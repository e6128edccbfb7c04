"""The grace that a container's own probes give it."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.diagnose.probes import describe_probe, grace_of


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
        ({"exec": {"command": ["pg_isready", "-q"]}}, "exec pg_isready -q"),
    ],
)
def test_described(probe: dict[str, Any], text: str) -> None:
    assert describe_probe(probe) == text
