"""`skill report`, from a run's folder alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.cli import main as cli
from skill_runner.outcome import Outcome, to_json
from skill_runner.progress import StepFinished, StepResult
from skill_runner.runs.folder import OUTCOME, Run, start_run
from skill_runner.runs.process import Holder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    made = start_run("bus", now=1.0)
    made.introduce("verify", "bus", "bus/bus", Holder.here())
    made.event(StepFinished(StepResult(id="release", status="done", message="installed")), 5.0)
    return made


def test_a_run_that_ended_is_told_whole(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.keep(OUTCOME, to_json(Outcome(status="ready", installation="bus/bus", run=run.id)))
    assert cli.run(["report", run.id]) == 0
    said = capsys.readouterr().out
    assert said.startswith("### ✅ bus/bus: ready")
    assert "step release" in said
    assert cli.run(["report", run.id, "--html", "--report", "junit=x.xml"]) == 0
    said = capsys.readouterr().out
    assert said == f"junit: {tmp_path / 'x.xml'}\nhtml: {tmp_path / f'{run.id}.html'}\n"
    assert "skill verify" in (tmp_path / f"{run.id}.html").read_text()


def test_a_run_that_is_at_work_is_told_as_far_as_it_came(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["report", run.id]) == 0
    said = capsys.readouterr().out
    assert said.startswith("### ➖ bus/bus: running")
    assert "step release" in said


@pytest.mark.parametrize("name", ["nothing-1a2b", "../../etc"])
def test_a_run_that_is_not_there_is_said(
    run: Run, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["report", name, "--html"]) == 2
    assert f"no run '{name}'" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
