"""What a person reads of pods that are not ready."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.readiness.wait.summary import summarise


def pod(name: str, **status: Any) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": name, "uid": name}, "status": status}


def waiting(reason: str) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": reason}}}]}


def event(of: str, reason: str, second: int) -> dict[str, Any]:
    return {
        "involvedObject": {"uid": of},
        "reason": reason,
        "lastTimestamp": f"2026-01-01T00:00:0{second}Z",
    }


CREATING = pod("a", **waiting("ContainerCreating"))
READY = pod("r", phase="Running", conditions=[{"type": "Ready", "status": "True"}])


@pytest.mark.parametrize(
    ("pods", "events", "words"),
    [
        ([READY], [], ""),
        ([pod("a", phase="Pending")], [], "1 waiting for a node"),
        ([CREATING], [], "1 being created"),
        ([CREATING], [event("a", "Pulling", 1)], "1 pulling its image"),
        ([CREATING], [event("a", "Pulling", 1), event("a", "Pulled", 2)], "1 being created"),
        ([CREATING], [event("b", "Pulling", 1)], "1 being created"),
        (
            [pod("a", **waiting("ImagePullBackOff")), CREATING, READY],
            [],
            "1 ImagePullBackOff, 1 being created",
        ),
        ([pod("a", **waiting("PodInitializing"))], [], "1 in its init containers"),
        (
            [pod("a", containerStatuses=[{"name": "c", "state": {"running": {}}}])],
            [],
            "1 running, not ready",
        ),
    ],
)
def test_summary(pods: list[Any], events: list[Any], words: str) -> None:
    assert summarise(pods, events) == words
