from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from skill_runner.clusters.embedded.host import start_failures
from skill_runner.clusters.embedded.host.addresses import choose_addresses
from skill_runner.clusters.embedded.host.start_failures import last_words, why_hopeless
from skill_runner.clusters.embedded.settings import Node

NODE = Node(
    name="dev",
    folder="/",
    run_folder="/run/kube-skills/dev",
    addresses=choose_addresses([], []),
    tools={},
    cgroups=(),
)
KUBELET = """\
I1123 13:38:51.161710     187 factory.go:55] Registering systemd factory
E1123 13:38:51.162043     187 kubelet.go:1833] "Failed to start cAdvisor" err="inotify_init: \
too many open files"
"""


@pytest.fixture
def node(tmp_path: Path) -> Node:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/kubelet.log").write_text(KUBELET)
    return replace(NODE, folder=str(tmp_path))


@pytest.mark.parametrize(
    ("endings", "lived", "given_up"), [(5, 1.9, True), (4, 1.9, False), (5, 65.0, False)]
)
def test_a_part_that_keeps_ending_is_named(
    node: Node, endings: int, lived: float, given_up: bool
) -> None:
    (node.logs / "node.log").write_text(f"kubelet ended with 1 after {lived} s\n" * endings)
    error = why_hopeless(node)
    assert (error is not None) == given_up
    if error is not None:
        assert "kubelet of cluster 'dev' ended 5 times" in str(error)
        assert "inotify_init: too many open files" in str(error)
        assert "fs.inotify.max_user_instances=1024" in str(error)


def test_a_full_disk_is_said(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_failures, "LEAST_DISK", 1 << 62)
    assert f"the disk below {node.folder} is full" in str(why_hopeless(node))


def test_last_words() -> None:
    assert last_words("") == "(it said nothing)"
    assert last_words("plain\nCannot bind\n") == "Cannot bind"
    assert len(last_words("x" * 1000)) == 300
