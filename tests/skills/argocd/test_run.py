"""argocd-k8s-setup on a real cluster: run, again, the ways in which delivery fails, remove."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from skill_runner.objects import Ref
from tests.support.driver import Driver

pytestmark = pytest.mark.cluster

NAME, SPACE = "argocd-k8s-setup", "argocd"
SETUP = ("--set", "mode=bundled")
WORKS = re.compile(
    r"passed: one commit synced in [0-9.]+ s, another in [0-9.]+ s, a broken one named"
)
PROJECT = Ref("argoproj.io/v1alpha1", "AppProject", "default", SPACE)
REPO_SERVER = Ref("apps/v1", "Deployment", "argocd-repo-server", SPACE)
ADMIN = Ref("v1", "Secret", "argocd-initial-admin-secret", SPACE)
BINDING = Ref("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "argocd-application-controller")


@pytest.fixture(scope="module")
def untouched(driver: Driver) -> Iterator[set[str]]:
    """What the cluster holds before; nothing of a test is left after."""
    before = driver.objects()
    yield before
    if any(i["skill"] == NAME for i in driver.skill("status")["installations"]):
        driver.skill("remove", NAME, "--yes", "--purge")


@pytest.fixture(scope="module")
def installed(driver: Driver, untouched: set[str]) -> dict[str, Any]:
    return driver.skill("run", NAME, *SETUP)


def assert_named(said: dict[str, Any], words: str) -> None:
    assert said["problem"]["code"] == "RESOURCE_FAILED", said
    assert said["problem"]["resource"].startswith(f"Application {SPACE}/skill-proof-")
    assert words in said["problem"]["cause"], said


def assert_no_trace(driver: Driver) -> None:
    """Nothing of a proof is left, whatever it found."""
    assert not [each for each in driver.objects() if "skill-proof" in each]


def test_commits_are_delivered(driver: Driver, installed: dict[str, Any]) -> None:
    assert installed["status"] == "ready"
    assert WORKS.fullmatch(installed["proof"]["delivery"]), installed["proof"]
    assert installed["outputs"]["version"] == "v3.6.1"
    assert_no_trace(driver)
    pods = [p for p in driver.every("Pod") if p["metadata"]["namespace"] == SPACE]
    assert len(pods) == 3, "controller, repo server and cache"


def test_again_writes_nothing(driver: Driver, installed: dict[str, Any]) -> None:
    position = driver.audit_position()
    again = driver.skill("run", NAME)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    if driver.audit_log:
        assert driver.writes_since(position, SPACE) == []


def test_a_repository_that_the_project_forbids_is_named(
    driver: Driver, installed: dict[str, Any]
) -> None:
    found = driver.get(PROJECT)
    meta = {key: found["metadata"][key] for key in ("name", "namespace", "labels")}
    spec = {**found["spec"], "sourceRepos": ["https://*"]}
    driver.apply(
        {"apiVersion": PROJECT.api_version, "kind": PROJECT.kind, "metadata": meta, "spec": spec}
    )
    said = driver.skill("verify", NAME, code=1)
    assert_named(said, "is not permitted in project 'default'")
    assert_no_trace(driver)
    assert driver.skill("run", NAME)["status"] == "ready"


def test_a_controller_without_its_rights_is_named(
    driver: Driver, installed: dict[str, Any]
) -> None:
    driver.delete(BINDING)
    said = driver.skill("verify", NAME, code=1)
    assert said["problem"]["resource"] == str(BINDING)
    assert driver.skill("run", NAME)["status"] == "ready"


def test_a_repo_server_that_is_away_is_named(driver: Driver, installed: dict[str, Any]) -> None:
    driver.scale(REPO_SERVER, 0)
    try:
        said = driver.skill("verify", NAME, code=1)
    finally:
        driver.scale(REPO_SERVER, 1)
    assert (said["problem"]["code"], said["problem"]["resource"]) == (
        "SCALED_TO_ZERO",
        str(REPO_SERVER),
    )
    assert driver.skill("verify", NAME)["status"] == "ready"


def test_a_second_one_is_refused(driver: Driver, installed: dict[str, Any]) -> None:
    refused = driver.skill("run", NAME, *SETUP, "--name", "second", "-n", "second", code=3)
    where = f"StatefulSet {SPACE}/argocd-application-controller"
    assert f"Argo CD is in this cluster already: {where}" in refused["problem"]["cause"]


def test_its_other_parts_work_and_all_of_it_is_removed(
    driver: Driver, untouched: set[str], installed: dict[str, Any]
) -> None:
    ready = driver.skill("run", NAME, "--set", "server=true", "--set", "application_sets=true")
    assert WORKS.fullmatch(ready["proof"]["delivery"]), ready["proof"]
    pods = [p for p in driver.every("Pod") if p["metadata"]["namespace"] == SPACE]
    assert len(pods) == 5
    assert driver.secret(ADMIN)["password"]
    driver.skill("remove", NAME, "--yes", "--purge")
    assert driver.objects() == untouched
