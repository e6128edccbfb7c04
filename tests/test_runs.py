"""Runs' folders: made, redacted, pruned."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from skill_runner.errors import SkillError, UsageError
from skill_runner.progress import Line
from skill_runner.redact import Redactor
from skill_runner.runs import KEEP_DAYS, Run, open_run, start_run

NOW = 1_700_000_000.0


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path))


def test_a_run_has_a_folder_of_its_own_for_one_user() -> None:
    run = start_run("kafka-k8s-setup", now=NOW)
    assert run.id.startswith("kafka-")
    assert run.folder.stat().st_mode & 0o777 == 0o700
    assert open_run(run.id).folder == run.folder


def test_an_id_that_is_taken_is_not_used_again() -> None:
    tokens = iter(["aaaa", "aaaa", "bbbb"])
    first = start_run("x", now=NOW, token=lambda size: next(tokens))
    second = start_run("x", now=NOW, token=lambda size: next(tokens))
    assert (first.id, second.id) == ("x-aaaa", "x-bbbb")


def test_a_run_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="no run 'nope'"):
        open_run("nope")
    with pytest.raises(UsageError):
        open_run("../../etc")


def test_old_runs_are_removed() -> None:
    old = start_run("old", now=NOW)
    os.utime(old.folder, (NOW, NOW))
    start_run("new", now=NOW + (KEEP_DAYS + 1) * 86_400)
    assert not old.folder.exists()


def test_secrets_reach_no_file(tmp_path: Path) -> None:
    run = Run("r", tmp_path, Redactor(["hunter2-password"]))
    run.log("the password is hunter2-password")
    run.event(Line("helm", "hunter2-password"), NOW)
    run.write("evidence/pod.txt", "hunter2-password")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    run.manifests("db", [{**secret, "stringData": {"password": "another-value"}}])
    written = "".join(p.read_text() for p in tmp_path.rglob("*") if p.is_file())
    assert "hunter2" not in written
    assert "another-value" not in written
    assert json.loads((tmp_path / "events.jsonl").read_text())["event"] == "Line"


def test_a_place_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path / "file"))
    with pytest.raises(SkillError, match="cannot be made"):
        start_run("x", now=NOW)
