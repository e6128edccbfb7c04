"""A signal before the cluster has answered: an outcome, whoever asked for it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from skill_runner.cli.main import skill
from skill_runner.cli.options import DEADLINE, LOOKING
from tests.support.paths import SKILLS


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Silent]:
    """Something takes the connection, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        config = {
            "clusters": [{"name": "s", "cluster": {"server": address}}],
            "users": [{"name": "s", "user": {}}],
            "contexts": [{"name": "kind-silent", "context": {"cluster": "s", "user": "s"}}],
            "current-context": "kind-silent",
        }
        (tmp_path / "config").write_text(json.dumps(config))
        yield Silent(server, address, tmp_path)


@dataclass(frozen=True, slots=True)
class Silent:
    """A server that does not answer, and a folder for whoever asks it."""

    server: socket.socket
    address: str
    folder: Path

    def plan(self, *more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "skill_runner",
                "plan",
                "echo",
                "-o",
                "jsonl",
                "--kubeconfig",
                str(self.folder / "config"),
                *more,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "SKILL_STATE_DIR": str(self.folder), "SKILL_PATH": str(SKILLS)},
        )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_the_cluster_is_silent(silent: Silent, number: signal.Signals) -> None:
    child = silent.plan()
    connection, _ = silent.server.accept()
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    connection.close()
    assert child.returncode == 130, err
    *events, document = map(json.loads, out.splitlines())
    assert [event["event"] for event in events] == ["RunStarted", "Connected"]
    assert (document["status"], document["changed"]) == ("interrupted", False)
    assert document["cluster"] == {"context": "kind-silent", "server": silent.address}


def test_a_command_ends_at_its_deadline(silent: Silent) -> None:
    out, err = silent.plan("--deadline", "0.5").communicate(timeout=60)
    document = json.loads(out.splitlines()[-1])
    assert (document["status"], document["exit_code"]) == ("not_ready", 5), err
    assert document["problem"]["code"] == "NOT_READY_IN_TIME"
    assert "its deadline of 0.5 s" in document["problem"]["cause"]
    assert document["problem"]["retryable"]


@pytest.mark.parametrize(
    ("command", "given", "seconds"),
    [
        ("why", [], LOOKING),
        ("plan", ["echo"], LOOKING),
        ("run", ["echo"], None),
        ("run", ["echo", "--deadline", "60"], 60.0),
    ],
)
def test_what_only_looks_has_a_deadline_of_its_own(
    command: str, given: list[str], seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILL_PATH", str(SKILLS))
    parent = click.Context(skill, info_name="skill", **skill.context_settings)
    main = skill.get_command(parent, command)
    assert main is not None
    with main.make_context(command, given, parent=parent) as context:
        assert context.meta[DEADLINE] == seconds
