"""A signal before the cluster has answered: an outcome, whoever asked for it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SKILLS = Path(__file__).parent.parent / "data" / "skills"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_the_cluster_is_silent(tmp_path: Path, number: signal.Signals) -> None:
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
        child = subprocess.Popen(
            [sys.executable, "-m", "skill_runner", "plan", "echo", "-o", "jsonl",
             "--kubeconfig", str(tmp_path / "config")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "SKILL_STATE_DIR": str(tmp_path), "SKILL_PATH": str(SKILLS)},
        )  # fmt: skip
        connection, _ = server.accept()
        child.send_signal(number)
        out, err = child.communicate(timeout=60)
        connection.close()
    assert child.returncode == 130, err
    *events, document = map(json.loads, out.splitlines())
    assert [event["event"] for event in events] == ["RunStarted", "Connected"]
    assert (document["status"], document["changed"]) == ("interrupted", False)
    assert document["cluster"] == {"context": "kind-silent", "server": address}
