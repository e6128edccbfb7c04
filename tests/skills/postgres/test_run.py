"""postgres-k8s-setup on a real cluster: run, again, lose things, upgrade, remove."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from skill_runner.images.build import archive_path
from skill_runner.objects import Ref
from tests.support.artefacts import assert_nowhere
from tests.support.driver import Driver
from tests.support.images import renamed

pytestmark = pytest.mark.cluster

NAME = "postgres-k8s-setup"
CAME_BACK = "passed: 1000 rows came back"
APP = Ref("v1", "Secret", "postgres-app", "postgres")
COPY = Ref("v1", "Secret", "postgres-app", "learnflow")
SUPERUSER = Ref("v1", "Secret", "postgres-superuser", "postgres")
POD = Ref("v1", "Pod", "postgres-0", "postgres")


@pytest.fixture(scope="module")
def untouched(driver: Driver, learnflow: str) -> Iterator[set[str]]:
    """What the cluster holds before; nothing of a test is left after."""
    before = driver.objects()
    yield before
    if any(i["skill"] == NAME for i in driver.skill("status")["installations"]):
        driver.skill("remove", NAME, "--yes", "--purge")


@pytest.fixture(scope="module")
def installed(driver: Driver, untouched: set[str]) -> dict[str, Any]:
    return driver.skill("run", NAME, "--set", "clients=[learnflow]", "--drill")


def sql(driver: Driver, text: str) -> str:
    """As the superuser, in the pod."""
    done = driver.exec(POD, "postgres", ["psql", "-XAtq", "-U", "postgres", "app"], text)
    assert done.exit_code == 0, done.stderr
    return done.stdout.strip()


def test_rows_come_back_also_after_the_pod_is_lost(installed: dict[str, Any]) -> None:
    assert installed["status"] == "ready"
    assert installed["proof"] == {
        "round-trip": CAME_BACK,
        "pod-loss": f"{CAME_BACK} after pod postgres-0 was deleted",
    }
    assert installed["outputs"]["host"] == "postgres.postgres.svc"
    assert installed["outputs"]["uri"]["secretKeyRef"]["name"] == "postgres-app"


def test_again_writes_nothing(driver: Driver, installed: dict[str, Any]) -> None:
    position = driver.audit_position()
    again = driver.skill("run", NAME)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    if driver.audit_log:
        assert driver.writes_since(position, "postgres") == []
        assert driver.writes_since(position, "learnflow") == []


def test_an_application_of_another_namespace_connects_by_its_secret(
    driver: Driver, installed: dict[str, Any]
) -> None:
    image = driver.get(POD)["spec"]["containers"][0]["image"]
    said = driver.run_pod(
        "learnflow",
        image,
        ["bash", "-c", PRIVILEGES],
        env={"URI": {"secretKeyRef": {"name": "postgres-app", "key": "uri"}}},
    )
    assert said.split() == ["app", "app", "f", "owned"]


PRIVILEGES = r"""psql -XAtq -v ON_ERROR_STOP=1 "$URI" <<'E'
SELECT current_user, current_database(), usesuper FROM pg_user WHERE usename = current_user \gset
\echo :current_user :current_database :usesuper
CREATE TABLE t (); DROP TABLE t;
\echo owned
E"""


def test_a_secret_that_is_lost_gets_a_new_password_and_the_server_knows_it(
    driver: Driver, installed: dict[str, Any]
) -> None:
    old = driver.secret(APP)["password"]
    driver.delete(APP)
    back = driver.skill("run", NAME)
    assert (back["status"], back["changed"]) == ("ready", True)
    assert back["proof"]["round-trip"] == CAME_BACK
    new = driver.secret(APP)
    assert new["password"] != old
    assert driver.secret(COPY) == new


def test_a_minor_version_is_upgraded_in_place(driver: Driver, installed: dict[str, Any]) -> None:
    before = driver.secret(APP), driver.secret(SUPERUSER)
    sql(driver, "CREATE TABLE kept AS SELECT 'still here' AS words")
    image = driver.get(POD)["spec"]["containers"][0]["image"]
    if driver.can_load and image.startswith("skill.local/"):
        newer = "skill.local/postgres:17.99"
        driver.load(renamed(archive_path(driver.cache, image), image, newer, driver.state))
    else:
        newer = "docker.io/library/postgres:17.11"
    given = ("--set", f"image={newer}", "--set", "settings={max_connections: 42}")
    upgraded = driver.skill("run", NAME, *given)
    assert upgraded["proof"]["round-trip"] == CAME_BACK
    assert driver.get(POD)["spec"]["containers"][0]["image"] == newer
    assert sql(driver, "SELECT words FROM kept") == "still here"
    assert sql(driver, "SHOW max_connections") == "42"
    assert (driver.secret(APP), driver.secret(SUPERUSER)) == before


def test_a_major_version_is_refused_with_the_way_out(
    driver: Driver, installed: dict[str, Any]
) -> None:
    position = driver.audit_position()
    refused = driver.skill("run", NAME, "--set", "image=docker.io/library/postgres:18.1", code=3)
    assert refused["problem"]["code"] == "CHECK_FAILED"
    assert "holds data of PostgreSQL 17" in refused["problem"]["cause"]
    assert "pg_dump" in "".join(refused["notes"])
    if driver.audit_log:
        assert driver.writes_since(position, "postgres") == []


def test_what_stays_after_removal_is_taken_up_again(
    driver: Driver, untouched: set[str], installed: dict[str, Any]
) -> None:
    passwords = [driver.secret(ref)["password"] for ref in (APP, SUPERUSER)]
    kept = driver.skill("remove", NAME, "--yes")
    assert {n.split(";")[0] for n in kept["notes"] if "kept" in n} == {
        "kept Secret postgres/postgres-app",
        "kept Secret postgres/postgres-superuser",
        "kept PersistentVolumeClaim postgres/data-postgres-0",
    }
    driver.skill("run", NAME)
    assert sql(driver, "SELECT words FROM kept") == "still here"
    assert [driver.secret(ref)["password"] for ref in (APP, SUPERUSER)] == passwords
    assert_nowhere(driver, passwords, except_in={APP, COPY, SUPERUSER})


def test_remove_leaves_nothing(
    driver: Driver, untouched: set[str], installed: dict[str, Any]
) -> None:
    driver.skill("remove", NAME, "--yes", "--purge")
    assert driver.objects() == untouched
