from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from skill_runner import clusters
from skill_runner.clusters.base import UpOptions
from skill_runner.clusters.kind import Kind
from skill_runner.clusters.tools import Answer
from skill_runner.errors import ClusterLifecycleError, PreflightFailed
from skill_runner.progress import Report


class Recorded:
    """Answers in the place of the kind command, and the command lines that it was given."""

    def __init__(self, names: str = "", fails: str = "") -> None:
        self.lines: list[str] = []
        self.config: object = None
        self._names, self._fails = names, fails

    async def __call__(
        self, command: Sequence[str], environment: Mapping[str, str] | None, report: Report
    ) -> Answer:
        words = list(command)
        if "--config" in words:
            at = words.index("--config") + 1
            self.config = yaml.safe_load(Path(words[at]).read_text())
            words[at] = "FILE"
        self.lines.append(" ".join(words))
        if self._fails and self._fails in self.lines[-1]:
            return Answer(1, "", "ERROR: no engine\nis docker running?")
        return Answer(0, self._names if words[1:3] == ["get", "clusters"] else "", "")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILL_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))


async def test_up_and_down(tmp_path: Path) -> None:
    kind = Recorded()
    options = UpOptions(name="ci", timeout=90, mirrors={"docker.io": "http://192.0.2.2:5000"})
    info = await Kind(kind).up(options)
    assert kind.lines == [
        "kind get clusters",
        "kind create cluster --name ci --wait 90s --config FILE",
    ]
    hosts = tmp_path / "kind/ci/certs.d"
    mount = {"hostPath": str(hosts), "containerPath": "/etc/containerd/certs.d"}
    assert kind.config == {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [{"role": "control-plane", "extraMounts": [mount]}],
    }
    assert '[host."http://192.0.2.2:5000"]' in (hosts / "docker.io/hosts.toml").read_text()
    assert (info.context, info.kubeconfig) == ("kind-ci", tmp_path / "config")

    kind = Recorded(names="ci\nother\n")
    assert await Kind(kind).down("ci")
    assert kind.lines[-1] == "kind delete cluster --name ci"
    assert not hosts.exists()


async def test_a_running_cluster_is_kept() -> None:
    kind = Recorded(names="ci\n")
    await Kind(kind).up(UpOptions(name="ci"))
    assert kind.lines == ["kind get clusters"]
    assert not await Kind(kind).down("another")


async def test_images_and_archives(tmp_path: Path) -> None:
    kind = Recorded()
    archive = tmp_path / "image.tar"
    archive.touch()
    await Kind(kind).load("ci", archive)
    await Kind(kind).load("ci", "example/app:1")
    assert kind.lines == [
        f"kind load image-archive {archive} --name ci",
        "kind load docker-image example/app:1 --name ci",
    ]


async def test_failure_shows_the_last_words() -> None:
    with pytest.raises(ClusterLifecycleError, match=r"answered 1: ERROR: no engine \| is docker"):
        await Kind(Recorded(fails="create")).up(UpOptions(name="ci"))


@pytest.mark.parametrize("name", ["kind", "minikube"])
async def test_absent_command_is_named_with_its_source(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PreflightFailed, match=rf"{name} is not on PATH\nInstall it from https://"):
        await clusters.provider(name).clusters()
