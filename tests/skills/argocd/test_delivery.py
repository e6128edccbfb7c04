"""A platform through Git on a real cluster: rendered, committed, synced, verified, broken."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from skill_runner.objects import Ref
from tests.skills.argocd.gitserver import URL, Repository, serve
from tests.support.driver import Driver
from tests.support.images import load_recipe_image

pytestmark = pytest.mark.cluster

ARGOCD, NAME, SPACE = "argocd-k8s-setup", "redis-k8s-setup", "redis"
API = "argoproj.io/v1alpha1"
ROOT = Ref(API, "Application", "shop", "argocd")
APPLICATION = Ref(API, "Application", f"{SPACE}-{NAME}", "argocd")
CAME_BACK = "passed: 100 keys came back"


@pytest.fixture(scope="module")
def untouched(driver: Driver) -> Iterator[set[str]]:
    """What the cluster holds before; nothing of a test is left after."""
    before = driver.objects()
    yield before
    if any(i["skill"] == ARGOCD for i in driver.skill("status")["installations"]):
        driver.skill("run", ARGOCD, "--set", "delivers=[]")
        assert str(ROOT) not in driver.objects()
        driver.drop(APPLICATION)
        driver.skill("remove", ARGOCD, "--yes", "--purge")
    for space in (SPACE, "git"):
        driver.drop(Ref("v1", "Namespace", space))


@pytest.fixture(scope="module")
def repository(driver: Driver, untouched: set[str]) -> Repository:
    if not driver.can_load:
        pytest.skip(f"no images can be loaded into context {driver.context}")
    driver.skill("run", ARGOCD, "--set", "mode=bundled")
    load_recipe_image(driver, NAME, "valkey")
    return serve(driver, load_recipe_image(driver, ARGOCD, "argocd"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("platform")


def render(driver: Driver, folder: Path, **inputs: Any) -> Path:
    """The folder of the platform with these inputs."""
    return Path(rendered(driver, folder, inputs)["folder"])


def rendered(driver: Driver, folder: Path, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of `skill render`, which asks no cluster."""
    file, to = folder / "platform.yaml", folder / "deploy"
    listed = [{"skill": NAME, "inputs": inputs}]
    file.write_text(json.dumps({"schema": 1, "name": "shop", "installations": listed}))
    return driver.local("render", str(file), "--to", str(to), "--repo", URL, "--images", "build")


def verify(driver: Driver, folder: Path, revision: str, code: int = 0) -> dict[str, Any]:
    how = ("--delivered-by", "argocd", "--revision", revision)
    return driver.skill("verify", str(folder), *how, code=code)


@pytest.fixture(scope="module")
def delivered(driver: Driver, repository: Repository, folder: Path) -> str:
    """The first commit, there and proven."""
    shown = rendered(driver, folder, {})
    to = Path(shown["folder"])
    revision = repository.commit(to)
    driver.skill(*shlex.split(shown["begin"])[1:])
    written = yaml.safe_load((to / "root.yaml").read_text())
    assert driver.get(ROOT)["spec"] == written["spec"]
    ready = verify(driver, to, revision)
    assert ready["status"] == "ready"
    assert ready["proof"] == {"round-trip": CAME_BACK}
    assert f"{APPLICATION} delivered commit {revision[:8]}" in ready["notes"]
    assert any(note.endswith(": a password generated") for note in ready["notes"])
    return revision


def test_a_commit_is_delivered_and_every_command_knows_it(driver: Driver, delivered: str) -> None:
    [listed] = [i for i in driver.skill("status")["installations"] if i["skill"] == NAME]
    assert listed["installation"] == f"{SPACE}/{NAME}"
    assert driver.skill("why", NAME)["status"] == "ready"
    assert driver.skill("verify", NAME)["proof"] == {"round-trip": CAME_BACK}


@pytest.mark.parametrize(
    "command",
    [("run", NAME, "--set", "storage=2Gi"), ("run", NAME), ("remove", NAME, "--yes")],
    ids=" ".join,
)
def test_a_run_of_what_argo_cd_owns_is_refused(
    driver: Driver, delivered: str, command: tuple[str, ...]
) -> None:
    position = driver.audit_position()
    refused = driver.skill(*command, code=6)
    assert f"is delivered by Argo CD application {APPLICATION.name}" in refused["problem"]["cause"]
    if driver.audit_log:
        assert driver.writes_since(position, SPACE) == []


def test_a_second_commit_is_waited_for(
    driver: Driver, repository: Repository, folder: Path, delivered: str
) -> None:
    password = driver.secret(Ref("v1", "Secret", "redis-app", SPACE))
    to = render(driver, folder, settings={"maxmemory-policy": "allkeys-lru"})
    ready = verify(driver, to, repository.commit(to))
    assert ready["proof"] == {"round-trip": CAME_BACK}
    files = driver.get(Ref("v1", "ConfigMap", "redis-files", SPACE))["data"]
    assert "allkeys-lru" in json.dumps(files)
    assert driver.secret(Ref("v1", "Secret", "redis-app", SPACE)) == password


def test_a_commit_that_changes_nothing_of_it_is_enough(
    driver: Driver, repository: Repository, folder: Path, delivered: str
) -> None:
    """No sync runs for it."""
    to = folder / "deploy"
    (to / "README.md").write_text("About this folder.\n")
    assert verify(driver, to, repository.commit(to))["status"] == "ready"


def test_an_image_that_does_not_exist_is_named(
    driver: Driver, repository: Repository, folder: Path, delivered: str
) -> None:
    to = folder / "deploy"
    [file] = to.glob(f"{SPACE}/{NAME}/statefulset-*.yaml")
    before = file.read_text()
    file.write_text(before.replace("image: skill.local/valkey", "image: 127.0.0.1:9/valkey"))
    broken = verify(driver, to, repository.commit(to), code=1)
    assert broken["problem"]["code"] in ("REGISTRY_UNREACHABLE", "IMAGE_NOT_FOUND")
    assert broken["problem"]["resource"].startswith(f"Pod {SPACE}/redis-0")
    file.write_text(before)
    assert verify(driver, to, repository.commit(to))["status"] == "ready"


def test_a_manifest_that_cannot_be_read_is_named(
    driver: Driver, repository: Repository, folder: Path, delivered: str
) -> None:
    to = folder / "deploy"
    wrong = to / SPACE / NAME / "wrong.yaml"
    wrong.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {")
    broken = verify(driver, to, repository.commit(to), code=1)
    assert broken["problem"]["code"] == "RESOURCE_FAILED"
    assert broken["problem"]["resource"] == str(APPLICATION)
    assert "wrong.yaml" in broken["problem"]["cause"]
    wrong.unlink()
    assert verify(driver, to, repository.commit(to))["status"] == "ready"


def test_all_of_it_is_removed(
    driver: Driver, untouched: set[str], repository: Repository, delivered: str
) -> None:
    for ref in (ROOT, APPLICATION):
        driver.drop(ref)
    for space in (SPACE, "git"):
        driver.drop(Ref("v1", "Namespace", space))
    driver.skill("remove", ARGOCD, "--yes", "--purge")
    assert driver.objects() == untouched
