"""Which contexts there are, and what is said when a kubeconfig is not as it should be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from skill_runner.backends.base import Target
from skill_runner.backends.kubeconfig import Context, read_kubeconfig
from skill_runner.errors import ClusterUnreachable, Refused, UsageError

ONE = """
current-context: prod
clusters: [{name: c, cluster: {server: "https://prod:6443"}}]
users: [{name: u, user: {token: secret}}]
contexts:
- {name: prod, context: {cluster: c, user: u, namespace: shop}}
- {name: staging, context: {cluster: gone}}
"""
TWO = """
current-context: dev
clusters: [{name: c, cluster: {server: "https://shadowed"}}, {name: d, cluster: {server: "https://dev"}}]
contexts: [{name: dev, context: {cluster: d}}, {name: prod, context: {cluster: d}}]
"""


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_contexts_of_one_file(tmp_path: Path) -> None:
    path = write(tmp_path, "one", ONE)
    config = read_kubeconfig(path)
    assert config.contexts == (
        Context("prod", "https://prod:6443", "shop", "u"),
        Context("staging", "", "default", ""),
    )
    assert config.target() == Target(path, "prod", "https://prod:6443")


def test_a_relative_path_leads_there_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Helm runs in another folder than its caller."""
    path = write(tmp_path, "one", ONE)
    monkeypatch.chdir(tmp_path)
    assert read_kubeconfig("one").path == path


def test_of_several_files_the_first_counts(tmp_path: Path) -> None:
    one, two = write(tmp_path, "one", ONE), write(tmp_path, "two", TWO)
    environ = {"KUBECONFIG": os.pathsep.join([one, "/no/such", two])}
    config = read_kubeconfig(environ=environ)
    assert config.current == "prod"
    assert config.path == os.pathsep.join([one, two])
    assert [(c.name, c.server) for c in config.contexts] == [
        ("prod", "https://prod:6443"),
        ("staging", ""),
        ("dev", "https://dev"),
    ]


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("prdo", "has no context prdo", "Did you mean prod? It has: prod, staging."),
        ("zzz", "has no context zzz", "It has: prod, staging."),
        ("staging", "context staging of .* names no server", "Its cluster is missing"),
    ],
)
def test_contexts_that_lead_nowhere(tmp_path: Path, name: str, message: str, hint: str) -> None:
    config = read_kubeconfig(write(tmp_path, "one", ONE))
    with pytest.raises(Refused, match=message) as caught:
        config.target(name)
    assert hint in caught.value.hint


def test_no_current_context(tmp_path: Path) -> None:
    config = read_kubeconfig(write(tmp_path, "x", ""))
    with pytest.raises(Refused, match="names no current context") as caught:
        config.target()
    assert "no contexts at all" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "x:1 is not YAML"),
        ("- a\n- b", "is not a kubeconfig"),
        ("contexts: 3", "is not a kubeconfig"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_kubeconfig(write(tmp_path, "x", text))


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(ClusterUnreachable, match=r"no kubeconfig /no/such \(from --kubeconfig"):
        read_kubeconfig("/no/such")
    with pytest.raises(ClusterUnreachable, match="from KUBECONFIG") as caught:
        read_kubeconfig(environ={"KUBECONFIG": "/no/such"})
    assert "skill cluster up" in caught.value.hint


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_kubeconfig(str(tmp_path))
