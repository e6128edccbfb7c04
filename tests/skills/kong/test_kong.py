"""kong-k8s-setup on a real cluster: run, again, three ways in which it breaks, remove.

The gateway is played (image/stand_in). So is its controller, unless SKILL_TEST_KONG_CONTROLLER
names an image archive of the real one, and SKILL_TEST_KONG_CHART a folder of the real chart.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skill_runner.objects import Ref
from tests.skills.kong import (
    CHART,
    KONG,
    NAME,
    ingress,
    load_gateway,
    plugin,
    pods,
    settings,
    until_said,
)
from tests.support.driver import Driver

pytestmark = pytest.mark.cluster

SEEN = "404 401 401 200 429 at the 4th"
ACCEPTED = "passed"
BAD = plugin("lessons-limit", "kong", "rate-limiting", minute="three", policy="local")
LESSONS = ingress("lessons", "kong", "/lessons", plugins="lessons-limit")
REAL = "localhost/kong-controller:3.5.13"


@pytest.fixture(scope="module")
def untouched(driver: Driver) -> Iterator[set[str]]:
    if not driver.can_load:
        pytest.skip(f"no images can be loaded into context {driver.context}")
    before = driver.objects()
    yield before
    if any(i["skill"] == NAME for i in driver.skill("status")["installations"]):
        driver.skill("remove", NAME, "--yes", "--purge")


@pytest.fixture(scope="module")
def inputs(driver: Driver, untouched: set[str]) -> tuple[str, ...]:
    gateway = load_gateway(driver)
    archive = os.environ.get("SKILL_TEST_KONG_CONTROLLER")
    if archive:
        driver.load(Path(archive))
    chart = Path(os.environ.get("SKILL_TEST_KONG_CHART") or CHART)
    return settings(gateway, REAL if archive else gateway, chart)


@pytest.fixture(scope="module")
def installed(driver: Driver, inputs: tuple[str, ...]) -> dict[str, Any]:
    return driver.skill("run", NAME, *inputs)


def test_requests_pass_and_are_refused_as_they_should(
    driver: Driver, installed: dict[str, Any]
) -> None:
    assert installed["status"] == "ready"
    assert installed["proof"] == {
        "config-accepted": ACCEPTED,
        "front-door": f"passed: {SEEN} from outside; {SEEN} from inside",
    }
    assert not [o for o in driver.objects() if "skill-probe" in o]


def test_every_container_has_limits(driver: Driver, installed: dict[str, Any]) -> None:
    (pod,) = [driver.get(ref) for ref in pods(driver)]
    found = [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]
    assert len(found) == 3
    assert all(c["resources"]["limits"].keys() == {"cpu", "memory"} for c in found)


def test_again_writes_nothing(driver: Driver, installed: dict[str, Any]) -> None:
    position = driver.audit_position()
    again = driver.skill("run", NAME)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    if driver.audit_log:
        assert driver.writes_since(position, "kong") == []


def test_a_frozen_configuration_is_named_by_whoever_asks(
    driver: Driver, installed: dict[str, Any]
) -> None:
    """One bad value, and no later change arrives, while every probe stays green."""
    driver.apply(BAD, LESSONS)
    until_said(driver, "KongPlugin", "KongConfigurationApplyFailed")
    try:
        for command, *more in (["run"], ["verify"], ["verify", "--observe"], ["why"]):
            said = driver.skill(command, NAME, *more, code=1)["problem"]
            assert said["code"] == "GATEWAY_CONFIG_REJECTED", (command, said)
            assert said["resource"] == "KongPlugin kong/lessons-limit"
            assert said["cause"].endswith("“invalid config.minute: expected a number”")
            assert said["remedy"].endswith("/GATEWAY_CONFIG_REJECTED.md")
    finally:
        for broken in (LESSONS, BAD):
            driver.delete(Ref.of(broken))
    assert driver.skill("verify", NAME)["proof"]["config-accepted"] == ACCEPTED


def test_a_gateway_that_starts_with_a_bad_object_names_it(
    driver: Driver, installed: dict[str, Any]
) -> None:
    """Then nothing is served at all; the probes say only that there is no configuration."""
    driver.apply(BAD, LESSONS)
    (old,) = pods(driver)
    driver.delete(old)
    driver.until_gone(old)
    try:
        said = driver.skill("run", NAME, code=1)["problem"]
        assert (said["code"], said["resource"]) == (
            "GATEWAY_CONFIG_REJECTED",
            "KongPlugin kong/lessons-limit",
        )
        assert "invalid config.minute: expected a number" in said["cause"]
    finally:
        for broken in (LESSONS, BAD):
            driver.delete(Ref.of(broken))
    assert driver.skill("run", NAME, "--prove")["proof"]["config-accepted"] == ACCEPTED


def test_a_second_consumer_of_one_name_is_named(driver: Driver, installed: dict[str, Any]) -> None:
    notes = {"kubernetes.io/ingress.class": "kong"}
    both = [
        {
            "apiVersion": KONG,
            "kind": "KongConsumer",
            "username": "learner",
            "metadata": {"name": name, "namespace": "kong", "annotations": notes},
        }
        for name in ("learner-a", "learner-b")
    ]
    driver.apply(*both)
    until_said(driver, "KongConsumer", "KongConfigurationApplyFailed")
    try:
        said = driver.skill("why", NAME, code=1)["problem"]
        assert said["code"] == "GATEWAY_CONFIG_REJECTED"
        assert said["resource"].startswith("KongConsumer kong/learner-")
        assert "username set to 'learner' already declared" in said["cause"]
    finally:
        for each in both:
            driver.delete(Ref.of(each))


def test_a_class_that_another_serves_is_refused(driver: Driver, installed: dict[str, Any]) -> None:
    refused = driver.skill("run", NAME, "--name", "second", "-n", "second", code=3)
    assert "the IngressClass kong is there already, made in kong" in refused["problem"]["cause"]


def test_a_removal_keeps_the_definitions_and_a_purge_leaves_nothing(
    driver: Driver, untouched: set[str], inputs: tuple[str, ...], installed: dict[str, Any]
) -> None:
    driver.skill("remove", NAME, "--yes")
    left = {o.split()[1] for o in driver.objects() - untouched}
    assert left <= {"CustomResourceDefinition", "APIService"}
    assert driver.skill("run", NAME, *inputs)["status"] == "ready"
    driver.skill("remove", NAME, "--yes", "--purge")
    assert driver.objects() == untouched
