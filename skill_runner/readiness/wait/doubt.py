"""Decide how long readiness has to hold before it is believed, beyond the window asked for.

A container without a readiness probe is Ready by having started; one that has crashed is Ready for
a moment after each restart; and the kubelet tells of an end a second or two late.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.probe_times import container_spec
from skill_runner.readiness.diagnosis.recovery import relapse_of
from skill_runner.readiness.status.pods import container_statuses

AFTER_A_CRASH: Final = 10.0
UNPROBED: Final = 10.0  # an overloaded kubelet was seen to tell of an end 7 s late
UNPROVEN: Final = 5.0  # a status without a generation, after an edit
_RECENT: Final = 60.0  # seconds after which a start or an end tells nothing about now


def doubt_of(pods: Iterable[Object], now: float) -> float:
    """Seconds that readiness has to hold; 0 for pods that have run for long. `now` is epoch."""
    return max(
        (_of_container(pod, s, now) for pod in pods for s in container_statuses(pod)), default=0.0
    )


def relapse_of_any(pods: Iterable[Object], now: float) -> float:
    """Seconds that a container of these which came back still has to run. `now` is epoch."""
    return max((relapse_of(s, now) for pod in pods for s in container_statuses(pod)), default=0.0)


def _of_container(pod: Object, status: Any, now: float) -> float:
    ended = at(status, "lastState.terminated")
    if ended and ended.get("exitCode") and _recent(ended.get("finishedAt"), now):
        return AFTER_A_CRASH
    started = at(status, "state.running.startedAt")
    if started is None or not _recent(started, now):
        return 0.0
    spec = container_spec(pod, str(status.get("name")))
    if (
        at(spec, "readinessProbe") is not None
        or at(pod, "spec.restartPolicy", "Always") != "Always"
    ):
        return 0.0
    return UNPROBED


def _recent(text: Any, now: float) -> bool:
    try:
        return now - datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp() < _RECENT
    except ValueError:
        return False
