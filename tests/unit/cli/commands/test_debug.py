"""`skill debug`: a history is played without a cluster, and written however a command ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skill_runner.cli import main
from tests.support.paths import HISTORIES


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path / "state"))


def test_replay_gives_the_outcome_of_what_was_recorded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = HISTORIES / "image_missing_deployment.jsonl"
    code = main.run(["debug", "replay", str(file), "-o", "json"])
    document = json.loads(capsys.readouterr().out)
    assert code == 1
    assert document["problem"]["code"] == "IMAGE_NOT_FOUND"
    assert not [action for action in document["problem"]["next"] if "{" in action["run"]]


def test_a_file_that_is_no_history_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"schema": 99}\n')
    assert main.run(["debug", "replay", str(file), "-o", "json"]) == 2
    assert "history schema 99" in capsys.readouterr().out


def test_a_command_that_asks_no_cluster_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.jsonl"
    nowhere = ["--kubeconfig", str(tmp_path / "none"), "-o", "json"]
    assert main.run(["debug", "record", str(file), "why", "echo", *nowhere]) == 4
    assert not file.exists()
    assert "nothing was recorded" in capsys.readouterr().err


def test_an_unknown_command_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["debug", "record", str(tmp_path / "x.jsonl"), "rum"]) == 2
    assert "no command 'rum'" in capsys.readouterr().err
