"""postgres-k8s-setup in mode cnpg: the test plays the operator, the server behind it is real."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from skill_runner.errors import NotFound
from skill_runner.objects import Ref
from tests.skills.operators import CNPG
from tests.skills.operators.postgres import (
    CLAIM,
    CLUSTER,
    HEALTHY,
    POD,
    SECRET,
    SERVICE,
    healthy,
    parts,
    phase,
)
from tests.support.driver import Driver
from tests.support.images import load_recipe_image
from tests.support.scene import Scene

pytestmark = pytest.mark.cluster

NAME = "postgres-k8s-setup"
CAME_BACK = {"round-trip": "passed: 1000 rows came back"}
MODE = ("--set", "mode=cnpg", "--set", "clients=[learnflow]")
COPY = Ref("v1", "Secret", "postgres-app", "learnflow")
UNRECOVERABLE = "Cluster is unrecoverable and needs manual intervention"


@pytest.fixture(scope="module")
def untouched(
    driver: Driver, learnflow: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[set[str]]:
    """The cluster with a stand-in of the operator, which is adopted."""
    if not driver.can_load:
        pytest.skip(f"no images can be loaded into context {driver.context}")
    CNPG.start(driver, tmp_path_factory.mktemp("operator"))
    try:
        adopted = driver.skill("run", "cnpg-operator", "--set", "mode=adopt", "-n", CNPG.namespace)
        assert adopted["proof"] == {"admission": "passed: a Cluster would be admitted"}
        yield driver.objects()
        if any(i["skill"] == NAME for i in driver.skill("status")["installations"]):
            driver.skill("remove", NAME, "--yes", "--purge")
        driver.skill("remove", "cnpg-operator", "--yes")
    finally:
        CNPG.stop(driver)


@pytest.fixture(scope="module")
def image(driver: Driver, untouched: set[str]) -> str:
    return load_recipe_image(driver, NAME, "postgres")


def set_up(driver: Driver, image: str, scene: Scene) -> None:
    """A first run, up to where an instance runs and the operator has not looked at it again."""
    scene.until(str(CLUSTER), "its operator has not reported on it yet")
    driver.set_status(CLUSTER, **phase("Setting up primary"))
    scene.until(str(CLUSTER), "0 of 1 instances are ready (phase “Setting up primary”)")
    driver.apply(*parts(driver.get(CLUSTER), image))
    driver.until_ready(POD)


@pytest.fixture(scope="module")
def installed(driver: Driver, image: str) -> dict[str, Any]:
    """Through everything that its operator says on the way to ready."""
    with Scene(driver, "run", NAME, *MODE) as scene:
        set_up(driver, image, scene)
        waiting = phase("Waiting for the instances to become active", readyInstances=1)
        driver.set_status(CLUSTER, **waiting)
        scene.until(str(CLUSTER), "Waiting for the instances to become active")
        driver.set_status(CLUSTER, **phase(HEALTHY, readyInstances=1))  # Ready is False still
        scene.until(str(CLUSTER), HEALTHY)
        driver.set_status(CLUSTER, **phase(HEALTHY, ready=True, readyInstances=1))
        scene.until(str(CLUSTER), "has no primary yet")
        driver.set_status(CLUSTER, **healthy())
        return scene.outcome()


def exists(driver: Driver, ref: Ref) -> bool:
    try:
        driver.get(ref)
    except NotFound:
        return False
    return True


def sql(driver: Driver, text: str) -> str:
    done = driver.exec(POD, "postgres", ["psql", "-XAtq", "-U", "app", "app"], text)
    assert done.exit_code == 0, done.stderr
    return done.stdout.strip()


def test_it_is_ready_when_its_operator_says_so_and_rows_come_back(
    driver: Driver, installed: dict[str, Any]
) -> None:
    assert (installed["status"], installed["proof"]) == ("ready", CAME_BACK)
    assert installed["outputs"]["host"] == "postgres-rw.postgres.svc"
    assert installed["outputs"]["uri"]["secretKeyRef"] == {
        "namespace": "postgres",
        "name": "postgres-app",
        "key": "fqdn-uri",
    }
    assert "superuser_password" in installed["outputs"]
    assert driver.secret(SECRET)["password"] not in str(installed)
    driver.exec(
        POD, "postgres", ["psql", "-qU", "app", "app"], "CREATE TABLE kept AS SELECT 1 AS n"
    )


def test_a_client_connects_by_its_copy(driver: Driver, image: str, installed: object) -> None:
    said = driver.run_pod(
        "learnflow",
        image,
        ["bash", "-c", 'psql -XAtc "SELECT n FROM kept" "$URI"'],
        env={"URI": {"secretKeyRef": {"name": COPY.name, "key": "uri"}}},
    )
    assert said.strip() == "1"
    assert driver.secret(COPY)["host"] == "postgres-rw.postgres.svc"


def test_again_writes_nothing(driver: Driver, installed: dict[str, Any]) -> None:
    position = driver.audit_position()
    again = driver.skill("run", NAME)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    if driver.audit_log:
        assert driver.writes_since(position, "postgres") == []
        assert driver.writes_since(position, "learnflow") == []


def test_an_edit_is_not_ready_by_the_status_of_before(
    driver: Driver, installed: dict[str, Any]
) -> None:
    """It has no observedGeneration: the Ready of before must not be believed at first sight."""
    with Scene(driver, "run", NAME, "--set", "settings={max_connections: 50}") as scene:
        driver.until(CLUSTER, lambda o: o["metadata"]["generation"] == 2)
        driver.set_status(CLUSTER, **phase("Applying configuration", readyInstances=1))
        scene.until(str(CLUSTER), "Applying configuration")
        driver.set_status(CLUSTER, **healthy())
        changed = scene.outcome()
        assert (changed["status"], changed["proof"]) == ("ready", CAME_BACK)


def test_a_phase_that_needs_somebody_is_told_by_its_name(
    driver: Driver, installed: dict[str, Any]
) -> None:
    with Scene(driver, "run", NAME, "--set", "settings={max_connections: 60}") as scene:
        driver.until(CLUSTER, lambda o: o["metadata"]["generation"] == 3)
        driver.set_status(CLUSTER, **phase(UNRECOVERABLE), phaseReason="no instance has data")
        problem = scene.outcome(code=1)["problem"]
        assert (problem["code"], problem["resource"]) == ("RESOURCE_FAILED", str(CLUSTER))
        assert f"“{UNRECOVERABLE}” (“no instance has data”)" in problem["cause"]
        driver.set_status(CLUSTER, **healthy(), phaseReason=None)
        assert driver.skill("run", NAME)["proof"] == CAME_BACK


def test_what_it_cannot_be_is_refused(driver: Driver, installed: dict[str, Any]) -> None:
    position = driver.audit_position()
    major = driver.skill("run", NAME, "--set", "image=example.org/postgresql:18.1", code=3)
    assert "PostgreSQL 17, and PostgreSQL 18 was asked for" in major["problem"]["cause"]
    smaller = driver.skill("run", NAME, "--set", "storage=1Gi", code=6)
    assert "storage" in smaller["problem"]["cause"]
    if driver.audit_log:
        assert driver.writes_since(position, "postgres") == []


def test_a_namespace_that_is_no_client_any_more_loses_its_copy(
    driver: Driver, installed: dict[str, Any]
) -> None:
    left = driver.skill("run", NAME, "--set", "clients=[]")
    assert f"removed {COPY}, which is no longer part of the installation" in left["notes"]
    assert not exists(driver, COPY)
    driver.skill("run", NAME, *MODE)
    assert driver.secret(COPY)["password"] == driver.secret(SECRET)["password"]


def test_what_stays_after_removal_is_taken_up_again(
    driver: Driver, untouched: set[str], image: str, installed: dict[str, Any]
) -> None:
    kept = driver.skill("remove", NAME, "--yes")
    assert [n.split(";")[0] for n in kept["notes"] if "kept" in n] == [f"kept {CLAIM}"]
    assert [ref for ref in (CLUSTER, POD, SERVICE, SECRET, COPY) if exists(driver, ref)] == []
    assert not driver.get(CLAIM)["metadata"].get("ownerReferences")
    with Scene(driver, "run", NAME, *MODE) as scene:
        set_up(driver, image, scene)
        driver.set_status(CLUSTER, **healthy())
        assert scene.outcome()["proof"] == CAME_BACK
        assert sql(driver, "SELECT n FROM kept") == "1"


def test_remove_leaves_nothing(
    driver: Driver, untouched: set[str], installed: dict[str, Any]
) -> None:
    driver.skill("remove", NAME, "--yes", "--purge")
    for ref in (POD, SERVICE, SECRET):
        driver.until_gone(ref)
    assert driver.objects() == untouched


def test_an_operator_that_does_not_fit_is_not_adopted(driver: Driver, untouched: set[str]) -> None:
    other = replace(CNPG, namespace="other-cnpg")
    driver.make_namespace(other.namespace)
    driver.apply(other.deployment("1.27.1", replicas=0))
    adopt = ("--name", "other", "--set", "mode=adopt", "-n", other.namespace)
    refused = driver.skill("run", "cnpg-operator", *adopt, code=3)
    assert "is CloudNativePG 1.27.1; 1.28 or newer" in refused["problem"]["cause"]
    driver.delete(Ref("v1", "Namespace", other.namespace))
    driver.until_gone(Ref("v1", "Namespace", other.namespace))
    assert driver.objects() == untouched


def test_installing_beside_it_is_refused(driver: Driver, untouched: set[str]) -> None:
    refused = driver.skill("run", "cnpg-operator", "--name", "second", "-n", "second", code=3)
    assert (
        f"1.30.0 is in this cluster already: Deployment {CNPG.namespace}/"
        in (refused["problem"]["cause"])
    )
    assert driver.objects() == untouched
