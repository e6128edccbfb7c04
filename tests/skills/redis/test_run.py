"""redis-k8s-setup on a real cluster: run, again, lose things, remove."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from skill_runner.objects import Ref
from tests.support.artefacts import assert_nowhere
from tests.support.driver import Driver

pytestmark = pytest.mark.cluster

NAME = "redis-k8s-setup"
CAME_BACK = "passed: 100 keys came back"
SECRET = Ref("v1", "Secret", "redis-app", "redis")
COPY = Ref("v1", "Secret", "redis-app", "learnflow")
POD = Ref("v1", "Pod", "redis-0", "redis")


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


def cli(driver: Driver, *commands: str) -> str:
    """As the application, in the pod."""
    said = f"AUTH default {driver.secret(SECRET)['password']}\n" + "\n".join(commands) + "\n"
    return driver.exec(POD, "redis", ["redis-cli"], said).stdout.removeprefix("OK").strip()


def test_keys_come_back_also_after_the_pod_is_lost(installed: dict[str, Any]) -> None:
    assert installed["status"] == "ready"
    assert installed["proof"] == {
        "round-trip": CAME_BACK,
        "pod-loss": f"{CAME_BACK} after pod redis-0 was deleted",
    }
    assert installed["outputs"]["host"] == "redis.redis.svc"


def test_again_writes_nothing(driver: Driver, installed: dict[str, Any]) -> None:
    position = driver.audit_position()
    again = driver.skill("run", NAME)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    if driver.audit_log:
        assert driver.writes_since(position, "redis") == []
        assert driver.writes_since(position, "learnflow") == []


def test_only_the_password_lets_in(driver: Driver, installed: dict[str, Any]) -> None:
    asked = "PING\nAUTH probe anything\nPING\nGET key\n"
    said = driver.exec(POD, "redis", ["redis-cli"], asked).stdout
    first, *others = said.split("\n\n") if "\n\n" in said else said.splitlines()
    assert first.startswith("NOAUTH")
    assert "PONG" in " ".join(others)
    assert "NOPERM" in " ".join(others)


def test_a_secret_that_is_lost_gets_a_new_password_and_the_server_knows_it(
    driver: Driver, installed: dict[str, Any]
) -> None:
    cli(driver, "SET kept here")
    old = driver.secret(SECRET)["password"]
    driver.delete(SECRET)
    back = driver.skill("run", NAME)
    assert (back["status"], back["changed"]) == ("ready", True)
    assert back["proof"]["round-trip"] == CAME_BACK
    new = driver.secret(SECRET)
    assert new["password"] != old
    copy = driver.secret(COPY)
    assert copy == {key: value for key, value in new.items() if key != "users.acl"}
    assert cli(driver, "GET kept") == "here"


def test_a_program_that_cannot_read_the_data_is_refused(
    driver: Driver, installed: dict[str, Any]
) -> None:
    refused = driver.skill("run", NAME, "--set", "image=docker.io/library/redis:8.2.1", code=3)
    assert "holds data of valkey-8" in refused["problem"]["cause"]


def test_what_stays_after_removal_is_taken_up_again(
    driver: Driver, untouched: set[str], installed: dict[str, Any]
) -> None:
    password = driver.secret(SECRET)["password"]
    driver.skill("remove", NAME, "--yes")
    driver.skill("run", NAME, "--set", "settings={maxmemory-policy: allkeys-lru}")
    assert cli(driver, "GET kept", "CONFIG GET maxmemory-policy").split()[0] == "here"
    assert driver.secret(SECRET)["password"] == password
    assert_nowhere(driver, [password], except_in={SECRET, COPY})  # the clients' copy, too
    driver.skill("remove", NAME, "--yes", "--purge")
    assert driver.objects() == untouched
