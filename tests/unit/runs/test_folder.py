"""Runs' folders: made, redacted, pruned."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from skill_runner.errors import SkillError, UsageError
from skill_runner.processes.isolation import python_command
from skill_runner.progress import Line
from skill_runner.runs import detached
from skill_runner.runs.folder import KEEP_DAYS, KEEP_RUNS, Run, open_run, prune, start_run
from skill_runner.runs.process import Holder
from skill_runner.text.redact import Redactor

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


@pytest.mark.parametrize(
    "text",
    ["..", ".", "", "/", "../runs/{id}", "{id}/", "./{id}", "{id}/../{id}", "{id}\n", "x" * 99],
)
def test_what_is_no_id_is_no_run(text: str) -> None:
    run = start_run("kafka", now=NOW)
    for call in (open_run, detached.look, lambda each: detached.tail(each, 1), detached.holder_of):
        with pytest.raises(UsageError, match="no run"):
            call(text.replace("{id}", run.id))


def test_a_link_is_no_run(tmp_path: Path) -> None:
    run = start_run("kafka", now=NOW)
    (tmp_path / "elsewhere").mkdir()
    (run.folder.parent / "link-0000").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="no run 'link-0000'"):
        open_run("link-0000")


def aged(name: str, at: float, holder: Holder | None) -> Run:
    """A run whose folder is of that time, and whose process is that one."""
    run = start_run(name, now=NOW)
    if holder:
        run.introduce("run", name, name, holder)
    os.utime(run.folder, (at, at))
    return run


def dead() -> Holder:
    """A process that has ended."""
    child = subprocess.Popen(["true"])
    holder = Holder.of(child.pid)
    child.wait()
    return holder


def test_a_run_that_lives_is_never_pruned() -> None:
    month = NOW + 30 * 86_400
    alive, gone = aged("alive", NOW, Holder.here()), aged("gone", NOW, dead())
    made = aged("made", month, None)  # by another process, which has not said yet who it is
    for index in range(KEEP_RUNS + 10):
        aged(f"fill{index}", month + index, Holder.here())
    prune(alive.folder.parent, now=month)
    assert alive.folder.exists()
    assert made.folder.exists()
    assert not gone.folder.exists()


# What a command does with its run's folder, again and again; it fails with a traceback.
COMMANDS = """
import sys, time
from skill_runner.runs.process import Holder
from skill_runner.progress import Note
from skill_runner.runs.folder import OUTCOME, open_run, recent_runs, start_run
sys.stdin.readline()  # all begin at once
for _ in range(63):
    run = start_run("busy", now=time.time())
    run.introduce("why", "busy", "busy", Holder.here())
    run.event(Note("works"), time.time())
    run.keep(OUTCOME, "{}")
    recent_runs()
    assert open_run(run.id).folder.is_dir()
"""


@pytest.mark.heavy
def test_eight_processes_share_a_full_folder(tmp_path: Path) -> None:
    alive, holder = aged("alive", NOW, Holder.here()), dead()
    for index in range(2 * KEEP_RUNS):
        aged(f"old{index}", NOW + index, holder)
    commands = [
        subprocess.Popen(
            python_command("-c", COMMANDS), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    for each in commands:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    said = [each.communicate()[1] for each in commands]
    assert said == [""] * 8
    assert [each.returncode for each in commands] == [0] * 8
    assert alive.folder.exists()
    prune(alive.folder.parent, now=NOW)
    assert len(list(alive.folder.parent.iterdir())) == KEEP_RUNS + 1  # and the one that lives
