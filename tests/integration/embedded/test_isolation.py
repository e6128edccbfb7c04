"""A cluster that is started in a hostile folder runs nothing of it, on the host or in the node."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from skill_runner import clusters
from skill_runner.clusters.embedded.host.processes import find_node_process
from tests.support.paths import SKILLS
from tests.support.traps import Traps

SKILL = str(Path(sys.executable).with_name("skill"))


def test_a_cluster_s_life_in_a_hostile_folder(tmp_path: Path) -> None:
    traps = Traps(tmp_path)
    name = "isolated"
    environ = traps.environ() | {"SKILL_PATH": str(SKILLS), "SKILL_STATE_DIR": str(tmp_path)}

    def skill(*words: str) -> dict[str, object]:
        done = subprocess.run(
            [SKILL, *words, "-o", "json"],
            cwd=traps.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert traps.sprung() == []
        document: dict[str, object] = json.loads(done.stdout) if done.stdout else {}
        return document | {"said": done.stderr}

    try:
        up = skill("cluster", "up", "--name", name)
        info = clusters.find(name)
        assert info is not None, up
        assert info.kubeconfig is not None
        assert find_node_process(info.kubeconfig.parent) is not None
        started = skill("run", "echo", "--cluster", name, "--detach")
        ended = skill("status", str(started["run"]), "--wait", "300")
        assert ended["status"] == "ready", ended
        assert skill("why", "echo", "--cluster", name)["status"] == "ready"
    finally:
        skill("cluster", "down", "--name", name)
    assert clusters.find(name) is None
