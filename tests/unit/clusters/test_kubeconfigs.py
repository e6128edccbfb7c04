from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from skill_runner import clusters
from skill_runner.clusters.kubeconfigs import merge_context, remove_context
from skill_runner.errors import ClusterLifecycleError

OTHER = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "work",
    "clusters": [{"name": "work", "cluster": {"server": "https://work"}}],
    "users": [{"name": "work", "user": {"token": "t"}}],
    "contexts": [{"name": "work", "context": {"cluster": "work", "user": "work"}}],
}


def ours(server: str = "https://100.64.7.2:6443") -> str:
    return yaml.safe_dump(
        {
            "current-context": "embedded",
            "clusters": [{"name": "embedded", "cluster": {"server": server}}],
            "users": [{"name": "embedded", "user": {}}],
            "contexts": [{"name": "embedded", "context": {}}],
        }
    )


def test_merge_and_remove_leave_the_rest(tmp_path: Path) -> None:
    config = tmp_path / ".kube/config"
    config.parent.mkdir()
    config.write_text(yaml.safe_dump(OTHER))
    merge_context(ours("https://old"), config)
    merge_context(ours(), config)
    merged = yaml.safe_load(config.read_text())
    assert [entry["name"] for entry in merged["contexts"]] == ["work", "embedded"]
    assert merged["current-context"] == "embedded"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert not remove_context("embedded", "https://someone-else", config)
    assert remove_context("embedded", "https://100.64.7.2:6443", config)
    assert yaml.safe_load(config.read_text()) == OTHER | {"current-context": ""}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / ".kube/config"
    assert not remove_context("embedded", "https://x", config)
    merge_context(ours(), config)
    assert yaml.safe_load(config.read_text())["current-context"] == "embedded"


@pytest.mark.parametrize("text", ["[1, 2", "- a\n"])
def test_a_broken_file_stays_as_it_is(tmp_path: Path, text: str) -> None:
    config = tmp_path / "config"
    config.write_text(text)
    with pytest.raises(ClusterLifecycleError, match="as it is"):
        merge_context(ours(), config)
    assert config.read_text() == text


KIND = {"name": "kind-dev", "cluster": {"server": "https://127.0.0.1:34567"}}
MINIKUBE = {
    "name": "trial",
    "cluster": {
        "server": "https://192.168.49.2:8443",
        "extensions": [
            {"name": "cluster_info", "extension": {"provider": "minikube.sigs.k8s.io"}},
        ],
    },
}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("dev", ("kind", "dev", "kind-dev", "https://127.0.0.1:34567")),
        ("kind-dev", ("kind", "dev", "kind-dev", "https://127.0.0.1:34567")),
        ("trial", ("minikube", "trial", "trial", "https://192.168.49.2:8443")),
        ("work", None),
        ("other", None),
    ],
)
def test_clusters_of_other_tools_are_found_by_name_and_context(
    asked: str, found: tuple[str, ...] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(yaml.safe_dump(OTHER))
    contexts = [{"name": e["name"], "context": {"cluster": e["name"]}} for e in (KIND, MINIKUBE)]
    second.write_text(yaml.safe_dump({"clusters": [KIND, MINIKUBE], "contexts": contexts}))
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    info = clusters.find(asked)
    assert (info and (info.provider, info.name, info.context, info.server)) == found
    assert info is None or info.kubeconfig == second
