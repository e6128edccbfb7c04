"""What a person or an agent sees while a run lasts."""

from __future__ import annotations

import pytest
from rich.console import Console

from skill_runner.cli.display import HEARTBEAT, View, print_outcome
from skill_runner.outcome import EdgeResult, Outcome, SkillResult, SkillStatus
from skill_runner.progress import (
    Amount,
    Awaiting,
    ObjectState,
    Of,
    Standing,
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


def test_what_a_step_left_behind_is_named_after_the_last_proof(
    capsys: pytest.CaptureFixture[str],
) -> None:
    time = Time(beats=1)
    view = View(monotonic=time.monotonic, pause=time.pause)
    view(StepStarted("app", "apply 1 objects"))
    view(Awaiting((ObjectState("Application shop", "progressing", "is Progressing"),)))
    view(StepFinished(StepResult(id="app", status="done")))
    view(StepStarted("round-trip", "proof round-trip", "proof"))
    view(StepFinished(StepResult(id="round-trip", status="done")))
    with view:
        view.heart.join()
    assert "still waiting (20 s): Application shop: is Progressing" in capsys.readouterr().err


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
    view(StepFinished(StepResult(id="topics", status="failed", message="no broker answers")))
    assert "✗ hook ensure_topics: no broker answers (0.0 s)" in capsys.readouterr().err


def platform(*statuses: SkillStatus) -> Outcome:
    skills = tuple(
        SkillResult(installation=f"n/s{n}", skill="s", version="1.0.0", status=status, seconds=n)
        for n, status in enumerate(statuses)
    )
    way = EdgeResult(origin="a", target="b", by="HTTP", status="seen", message="200", seconds=0.2)
    broken = EdgeResult(origin="b", target="c", by="SQL", status="broken", message="refused")
    later = EdgeResult(origin="c", target="d", by="an event")
    return Outcome(
        status="ready",
        skills=skills,
        critical_path=("n/s0",),
        edges=(*[way] * 11, broken, later),
        proof={"lesson": "passed"},
    )


def test_a_platform_is_told_in_25_lines(capsys: pytest.CaptureFixture[str]) -> None:
    well: list[SkillStatus] = ["ready"] * 11
    print_outcome(platform(*well, "unchanged", "failed"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 25
    assert "  n/s12 [s 1.0.0] failed (12.0 s)" in lines
    assert lines[2].startswith("  11 ready: n/s0 0.0 s, n/s1 1.0 s, ")
    assert "  1 unchanged: n/s11 11.0 s" in lines
    assert "  ✓ a → b by HTTP: 200 (0.2 s)" in lines
    assert "  ✗ b → c by SQL broken: refused" in lines
    assert "  - c → d by an event not reached" in lines


def test_who_waits_is_told_until_a_step_begins(capsys: pytest.CaptureFixture[str]) -> None:
    view = View()
    view(Of("n/app", Standing("waits for n/bus")))
    assert capsys.readouterr().err == "n/app:   waits for n/bus\n"
    assert "waits for n/bus" in shown(view)
    view(Of("n/app", StepStarted("map", "the map")))
    assert "the map" in shown(view)
    assert "waits for" not in shown(view)


def shown(view: View) -> str:
    """The table that a terminal shows."""
    console = Console(width=120)
    with console.capture() as capture:
        console.print(view._table())
    return capture.get()


def test_an_output_reads_as_words(capsys: pytest.CaptureFixture[str]) -> None:
    secret = {"secretKeyRef": {"namespace": "redis", "name": "redis-app", "key": "uri"}}
    outputs = {"uri": secret, "topics": ["a", "b"], "ports": {"http": 80}}
    print_outcome(Outcome(status="ready", outputs=outputs))
    said = capsys.readouterr().out
    assert "  uri: key uri of Secret redis/redis-app\n" in said
    assert "  topics: a, b\n" in said
    assert "  ports: http=80\n" in said
