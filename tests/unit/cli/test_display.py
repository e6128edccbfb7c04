"""What a person or an agent sees while a run lasts."""

from __future__ import annotations

import pytest

from skill_runner.cli.display import HEARTBEAT, View
from skill_runner.progress import (
    Amount,
    Awaiting,
    ObjectState,
    StepFinished,
    StepResult,
    StepStarted,
)


class Time:
    """Seconds that pass only in pauses; after `beats` of them the view is at its end."""

    def __init__(self, beats: int) -> None:
        self.seconds = 0.0
        self.left = beats

    def monotonic(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> bool:
        self.seconds += seconds
        self.left -= 1
        return self.left < 0


def test_a_silent_wait_speaks_every_twenty_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    time = Time(beats=3)
    view = View(monotonic=time.monotonic, pause=time.pause)
    view(StepStarted("web", "Helm release web"))
    view(Awaiting((ObjectState("Deployment web", "progressing", "0 of 1 replicas"),)))
    with view:
        view.heart.join()
    beats = [line for line in capsys.readouterr().err.splitlines() if "still" in line]
    assert beats == [
        f"  still waiting ({HEARTBEAT * n:.0f} s): Deployment web: 0 of 1 replicas"
        for n in (1, 2, 3)
    ]


def test_a_long_download_speaks_of_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    time = Time(beats=1)
    view = View(monotonic=time.monotonic, pause=time.pause)
    view(Amount("helm", 3, 12, "MB"))
    with view:
        view.heart.join()
    assert "still waiting (20 s):   helm 3 of 12 MB" in capsys.readouterr().err


def test_a_hook_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    view = View()
    view(StepStarted("topics", "hook ensure_topics"))
    message = "hook ensure_topics: no broker answers"
    view(StepFinished(StepResult(id="topics", status="failed", message=message)))
    assert capsys.readouterr().err.count("ensure_topics:") == 1
