"""Every way out of every command with -o json: one document on stdout, an outcome on failure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import structlog

from skill_runner.cli import main
from skill_runner.cli.boundary import guard, wants_document
from skill_runner.errors import Refused
from skill_runner.log import get_logger
from skill_runner.outcome import json_schema
from tests.support.paths import SKILLS

PLATFORM = str(SKILLS.parent / "platform.yaml")
NOWHERE = ("--kubeconfig", "/nowhere/config")

Capture = pytest.CaptureFixture[str]

# what was typed, the exit code, the problem's code, a part of its cause
WAYS_OUT = [
    (["run", "ecko"], 2, "USAGE", "did you mean 'echo'"),
    (["run"], 2, "USAGE", "Missing argument 'SKILL'"),
    (["run", "echo", "--sett", "a=1"], 2, "USAGE", "No such option '--sett'"),
    (["run", "echo", "--images", "maybe"], 2, "USAGE", "'maybe' is not one of"),
    (["run", "echo", "--set", "replicas=99", *NOWHERE], 2, "USAGE", "replicas"),
    (["plan", "echo", "--inputs", '{"size": 3, "nope": 1}', *NOWHERE], 2, "USAGE", "'nope'"),
    (["run", "echo", "--inputs", "[1]", *NOWHERE], 2, "USAGE", "expected one JSON object"),
    (["run", "echo", "--inputs", '{"password": "x"}', *NOWHERE], 2, "USAGE", "is a secret"),
    (["run", "echo", "--with", "bus.size=1"], 2, "USAGE", "--with bus: echo has no requirement"),
    (["run", "echo", "--with", "s3cr3t=1"], 2, "USAGE", "--with echo has no requirement of that"),
    (["run", "echo", *NOWHERE], 4, "CLUSTER_UNREACHABLE", "/nowhere/config"),
    (["run", "echo", "--dry-run", *NOWHERE], 4, "CLUSTER_UNREACHABLE", "/nowhere/config"),
    (["run", "echo", "--cluster", "absent"], 4, "CLUSTER_UNREACHABLE", "no cluster 'absent'"),
    (["plan", "echo", *NOWHERE], 4, "CLUSTER_UNREACHABLE", "/nowhere/config"),
    (["plan", "./nowhere"], 2, "USAGE", "./nowhere is no skill"),
    (["render", "echo", *NOWHERE], 4, "CLUSTER_UNREACHABLE", "/nowhere/config"),
    (["render", "echo", "--to", "/nowhere/deploy"], 2, "USAGE", "--to needs the repository"),
    (["verify", "echo", "--revision", "abc"], 2, "USAGE", "belong together"),
    (["verify", "echo", "--delivered-by", "argocd"], 2, "USAGE", "belong together"),
    (["verify", "echo", *NOWHERE], 4, "CLUSTER_UNREACHABLE", "/nowhere/config"),
    (["why", "--release", "x"], 2, "USAGE", "name an installation, or a release"),
    (["why", "--release", "x"], 2, "USAGE", "name an installation, or a release"),
    (["why", "echo", *NOWHERE], 4, "CLUSTER_UNREACHABLE", "/nowhere/config"),
    (["drift", "echo", *NOWHERE], 4, "CLUSTER_UNREACHABLE", "/nowhere/config"),
    (["compliance", "--governance", "learnfow"], 2, "USAGE", "did you mean 'learnflow'"),
    (["compliance", *NOWHERE], 4, "CLUSTER_UNREACHABLE", "/nowhere/config"),
    (["remove", "echo"], 6, "REFUSED", "needs a confirmation"),
    (["remove", "echo", "--yes", *NOWHERE], 4, "CLUSTER_UNREACHABLE", "/nowhere/config"),
    (["up", "/nowhere/platform.yaml"], 2, "USAGE", "/nowhere/platform.yaml cannot be read"),
    (["up", PLATFORM, *NOWHERE], 4, "CLUSTER_UNREACHABLE", "/nowhere/config"),
    (["down", PLATFORM], 6, "REFUSED", "needs a confirmation"),
    (["down", PLATFORM, "--yes", *NOWHERE], 4, "CLUSTER_UNREACHABLE", "/nowhere/config"),
    (["status", *NOWHERE], 4, "CLUSTER_UNREACHABLE", "/nowhere/config"),
    (["status", "nope-1234"], 2, "USAGE", "no run 'nope-1234'"),
    (["cancel", "nope-1234"], 2, "USAGE", "no run 'nope-1234'"),
    (["status", "nope-1234", "--wait", "-1"], 2, "USAGE", "-1.0 is not in the range"),
    (["report", "nope-1234"], 2, "USAGE", "No such option '-o'"),
    (["logs", "nope-1234"], 2, "USAGE", "No such option '-o'"),
    (["list", "more"], 2, "USAGE", "unexpected extra argument"),
    (["describe", "ecko"], 2, "USAGE", "did you mean 'echo'"),
    (["validate", "ecko"], 2, "USAGE", "did you mean 'echo'"),
    (["debug", "replay", "/nowhere.jsonl"], 2, "USAGE", "does not exist"),
    (["debug", "record", "/tmp/x.jsonl", "rum"], 2, "USAGE", "no command 'rum'"),
    (["export", "ecko"], 2, "USAGE", "did you mean 'echo'"),
    (["mcp", "--allow-everything"], 2, "USAGE", "No such option '--allow-everything'"),
    (["list", "--json"], 2, "USAGE", "No such option '--json'"),
    (["doctor", "--all"], 2, "USAGE", "No such option '--all'"),
    (["images", "list", "--all"], 2, "USAGE", "No such option '--all'"),
    (["cluster", "status", "--name", "absent"], 1, "RESOURCE_FAILED", "'absent'"),
    (["clutser"], 2, "USAGE", "Did you mean `skill cluster`?"),
    ([], 2, "USAGE", "No such option '-o'"),
]


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SKILL_PATH", str(SKILLS))


def outcome_of(out: str) -> dict[str, Any]:
    """The one outcome on stdout, which keeps to the published schema."""
    document: dict[str, Any] = json.loads(out)
    jsonschema.validate(document, json_schema(), jsonschema.Draft202012Validator)
    assert len(out.encode()) <= 4096
    return document


@pytest.mark.parametrize(
    ("arguments", "code", "problem", "cause"), WAYS_OUT, ids=lambda value: str(value)[:60]
)
def test_a_failure_is_one_outcome(
    capsys: Capture, arguments: list[str], code: int, problem: str, cause: str
) -> None:
    assert main.run([*arguments, "-o", "json"]) == code
    document = outcome_of(capsys.readouterr().out)
    assert document["exit_code"] == code
    assert document["problem"]["code"] == problem
    assert cause in document["problem"]["cause"]


def test_every_command_has_a_way_out_here() -> None:
    told = {way[0][0] for way in WAYS_OUT if way[0]}
    assert {*main.COMMANDS} - told <= {"new"}  # it has no document, and no cluster


@pytest.mark.parametrize(
    ("raised", "code", "status"),
    [
        (Refused("no"), 6, "refused"),
        (click.UsageError("what"), 2, "refused"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
        (ZeroDivisionError("oops\x1b[31m"), 70, "error"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_boundary_answers_programs(
    capsys: Capture, raised: BaseException, code: int, status: str
) -> None:
    def call() -> None:
        raise raised

    assert guard(call, ["x", "-o", "json"]) == code
    captured = capsys.readouterr()
    document = outcome_of(captured.out)
    assert (document["exit_code"], document["status"]) == (code, status)
    assert "\x1b" not in captured.out


@pytest.mark.parametrize("output", ["text", "json", "jsonl"])
def test_a_bug_is_told_where_to_look(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("skill_runner.cli.connect.choose_target", broken)
    assert main.run(["plan", "echo", "-o", output]) == 70
    out = capsys.readouterr().out
    if output == "text":
        assert "bug.txt" in out
        return
    *events, last = out.splitlines()
    document = outcome_of(last)
    assert document["status"] == "error"
    assert "ZeroDivisionError" in (Path(document["details"]) / "bug.txt").read_text()
    assert [json.loads(line)["event"] for line in events] == (
        ["RunStarted"] if output == "jsonl" else []
    )


def test_a_run_s_folder_that_cannot_be_made_is_an_outcome(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path / "file"))
    assert main.run(["plan", "echo", "-o", "json"]) == 1
    assert "SKILL_STATE_DIR" in outcome_of(capsys.readouterr().out)["notes"][0]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("run x -o json", True),
        ("run x -ojson", True),
        ("run x --output=jsonl", True),
        ("run x --output json", True),
        ("run x", False),
        ("run x -o text", False),
        ("run x -o json -o text", False),
        ("run -- -o json", False),
        ("run x -o", False),
    ],
)
def test_who_wants_a_document(arguments: str, wanted: bool) -> None:
    assert wants_document(arguments.split()) is wanted


def _outcomes(folder: Path) -> Iterator[dict[str, Any]]:
    for file in folder.glob("state/runs/*/outcome.json"):
        yield json.loads(file.read_text())


def test_the_run_s_folder_holds_the_same_outcome(capsys: Capture, tmp_path: Path) -> None:
    main.run(["plan", "echo", *NOWHERE, "-o", "json"])
    assert list(_outcomes(tmp_path)) == [outcome_of(capsys.readouterr().out)]


def test_what_is_logged_is_not_on_stdout(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def list_nothing(*_: object) -> object:
        get_logger("any").warning("port-forward", error="refused")
        raise Refused("no")

    structlog.reset_defaults()
    monkeypatch.setattr("skill_runner.cli.commands.list.default_library", list_nothing)
    assert main.run(["list", "-o", "json"]) == 6
    captured = capsys.readouterr()
    assert json.loads(captured.out)["problem"]["code"] == "REFUSED"
    assert "port-forward" in captured.err


def test_who_asks_for_json_is_told_how(capsys: Capture) -> None:
    assert main.run(["list", "--json"]) == 2
    assert "-o json" in capsys.readouterr().err
