"""--report on the command line, and the summary and annotation of GitHub Actions."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from junitparser import JUnitXml

from skill_runner.cli.execute import execute
from skill_runner.cli.options import outcome_option
from skill_runner.errors import SkillError
from skill_runner.outcome import Outcome
from skill_runner.progress import Report, StepFinished, StepResult, StepStarted
from skill_runner.runs.folder import Run

Call = Callable[..., Result]


@click.command("play")
@click.option("--fail", default="")
@outcome_option
def play(fail: str, output: str) -> int:
    """Do one step, whose words hold the secret of the run."""

    async def work(run: Run, report: Report) -> Outcome:
        run.redactor.add(["hunter2-hunter2"])
        report(StepStarted("release", "Helm release"))
        report(StepFinished(StepResult(id="release", status="done", message="hunter2-hunter2")))
        if fail:
            raise SkillError(fail)
        return Outcome(status="ready", installation="a/b", notes=("hunter2-hunter2",))

    return execute("play", work, output=output, verbose=False, installation="a/b")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(play, [*arguments, "-o", "json"], standalone_mode=True)

    return invoke


KINDS = ("junit", "markdown", "html", "sarif", "codequality")


def test_every_kind_is_written_beside_the_document(call: Call, tmp_path: Path) -> None:
    options = [word for kind in KINDS for word in ("--report", f"{kind}=made/here/{kind}")]
    done = call(*options)
    assert json.loads(done.stdout)["status"] == "ready"
    written = {kind: (tmp_path / "made" / "here" / kind).read_text() for kind in KINDS}
    assert sorted(written) == sorted(os.listdir(tmp_path / "made" / "here"))
    assert JUnitXml.fromstring(written["junit"].encode()).tests == 2
    assert not any("hunter2" in text for text in written.values())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--report", "junit"], "expected KIND=FILE, such as junit=report.xml"),
        (["--report", "pdf=x"], "the kinds are junit, markdown, html"),
        (["--report", "junit="], "expected KIND=FILE"),
        (["--report", "junit=x", "--report", "html=./x"], "two reports would be written to ./x"),
        (["--report", "junit=state"], "state is a folder"),
        (["--report", "junit=file/x"], "is no folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_written_is_said_before_the_command(
    call: Call, tmp_path: Path, options: list[str], said: str
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "file").write_text("mine")
    done = call(*options)
    assert done.exit_code == 2
    assert said in done.stderr
    assert os.listdir(tmp_path / "state") == []
    assert not (tmp_path / "x").exists()


def test_a_place_that_takes_no_file_is_said_before_the_command(call: Call, tmp_path: Path) -> None:
    done = call("--report", "junit=/proc/made/x")  # not even root makes a file there
    assert (done.exit_code, "/proc/made/x cannot be written: " in done.stderr) == (2, True)
    assert not (tmp_path / "state").exists()


def test_a_full_disk_costs_the_report_alone(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_text

    def full(path: Path, *arguments: object, **named: object) -> int:
        if path.parent == tmp_path:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full)
    (tmp_path / "x").touch()
    done = call("--report", "junit=x")
    assert (done.exit_code, json.loads(done.stdout)["status"]) == (0, "ready")
    assert f"the junit report was not written: {tmp_path / 'x'}: No space left" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["state", "x"]


def in_actions(monkeypatch: pytest.MonkeyPatch, summary: Path) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))


def test_github_gets_a_summary_and_one_annotation(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_actions(monkeypatch, tmp_path / "summary.md")
    (tmp_path / "summary.md").write_text("before\n")
    done = call("--fail", "50% of it,\nfailed: ::error::x")
    [annotation] = [line for line in done.stderr.splitlines() if line.startswith("::")]
    assert annotation.startswith("::error title=a/b%3A ")
    assert annotation.endswith("::50%25 of it,")
    assert json.loads(done.stdout)["exit_code"] == 1
    assert (tmp_path / "summary.md").read_text().startswith("before\n### ❌ a/b: failed")


def test_no_ci_leaves_github_alone(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_actions(monkeypatch, tmp_path / "summary.md")
    done = call("--fail", "x", "--no-ci")
    assert "::error" not in done.stderr
    assert not (tmp_path / "summary.md").exists()


def test_a_good_end_has_no_annotation(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_actions(monkeypatch, tmp_path / "summary.md")
    assert "::" not in call().stderr
    assert "### ✅ a/b: ready" in (tmp_path / "summary.md").read_text()
