"""A container that runs again after its end: when the end is over and done with, and when one that
is ready may be believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from skill_runner.objects import at
from skill_runner.readiness.diagnosis.probe_times import kill_after

RECENT: Final = 10.0  # seconds: as long as a wait doubts what has crashed
STARTED: Final = 60.0  # seconds of a run after which an earlier crash says nothing about it
LONG_RUN: Final = 60.0  # seconds: what ends after so long does not end as it starts
AGAIN: Final = 2  # restarts after which the next one is to be expected
MARGIN: Final = 5.0


def epoch(text: Any) -> float:
    """An API time in seconds since the epoch; 0 for none."""
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


def is_past(spec: Mapping[str, Any], status: Mapping[str, Any], now: float) -> bool:
    """Tell whether a container has run for so long that what ended it before is not what keeps it
    from being ready: longer than its own probes let a bad start live. `now` is epoch, or 0."""
    began = epoch(at(status, "state.running.startedAt"))
    return bool(began and now) and now - began >= max(STARTED, kill_after(spec) + MARGIN)


def must_run(status: Mapping[str, Any]) -> float:
    """Seconds that a container has to run after an end before it is believed; 0 without an end.

    One that has ended twice has to run for longer than it did last, so that what ends every 40 s is
    not called ready in between.
    """
    ended, restarts = at(status, "lastState.terminated"), int(status.get("restartCount", 0))
    if not ended or not restarts:
        return 0.0
    began, over = epoch(ended.get("startedAt")), epoch(ended.get("finishedAt"))
    lasted = over - began if began and over else 0.0
    is_loop = restarts >= AGAIN and lasted <= LONG_RUN
    return max(RECENT, lasted + MARGIN) if is_loop else RECENT


def relapse_of(status: Mapping[str, Any], now: float) -> float:
    """Seconds that it still has to run; 0 when it may be believed, and when nothing tells: no time,
    or one that is ahead of our clock."""
    began = epoch(at(status, "state.running.startedAt"))
    if not began or began > now + MARGIN or not status.get("ready"):
        return 0.0
    return max(0.0, must_run(status) - max(0.0, now - began))
