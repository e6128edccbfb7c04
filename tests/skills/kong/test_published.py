"""An application published through the gateway on a real cluster: with it, guarded, and removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from skill_runner.objects import Object, Ref
from tests.skills.kong import CHART, NAME, load_gateway, plugin, until_said
from tests.support.driver import Driver

pytestmark = pytest.mark.cluster

APP = "nextjs-k8s-deploy"
SEEN = "passed: 401 401 200 through the gateway, 60/minute allowed"
HOST = "lessons.example.org"
KEY = Ref("v1", "Secret", f"{APP}-gateway-key", "web")


@pytest.fixture(scope="module")
def untouched(driver: Driver) -> Iterator[set[str]]:
    if not driver.can_load:
        pytest.skip(f"no images can be loaded into context {driver.context}")
    before = driver.objects()
    yield before
    there = {i["skill"] for i in driver.skill("status")["installations"]}
    for name in (APP, NAME):
        if name in there:
            driver.skill("remove", name, "--yes", "--purge")


@pytest.fixture(scope="module")
def image(driver: Driver, untouched: set[str]) -> str:
    return load_gateway(driver)


def run(driver: Driver, image: str, *more: str, code: int = 0) -> dict[str, Any]:
    """The application behind the gateway, which comes along; both from one image."""
    front = {"gateway_image": image, "controller_image": image, "chart": CHART, "validate": "false"}
    with_ = [word for name, value in front.items() for word in ("--with", f"front.{name}={value}")]
    return driver.skill(
        "run",
        APP,
        "--set",
        f"image={image}",
        "--set",
        "replicas=1",
        "--set",
        "text=Lessons",
        *with_,
        *more,
        code=code,
    )


@pytest.fixture(scope="module")
def published(driver: Driver, image: str) -> dict[str, Any]:
    gateway = f"gateway={{host: {HOST}, auth: key, rate_limit: 60/minute}}"
    return run(driver, image, "--set", gateway)


def test_it_is_refused_without_a_key_and_answered_with_one(
    driver: Driver, published: dict[str, Any]
) -> None:
    assert published["status"] == "ready"
    assert published["proof"]["front-door"] == SEEN
    outputs = published["outputs"]
    assert outputs["gateway_key"] == {
        "secretKeyRef": {"namespace": "web", "name": KEY.name, "key": "key"}
    }
    route = driver.get(Ref("gateway.networking.k8s.io/v1", "HTTPRoute", APP, "web"))
    assert route["spec"]["hostnames"] == [HOST]


def test_again_writes_nothing(driver: Driver, published: dict[str, Any]) -> None:
    position = driver.audit_position()
    again = driver.skill("run", APP)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    if driver.audit_log:
        assert driver.writes_since(position, "web") == []


# Someone else's way through the gateway, with a plugin of theirs.
OTHER: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {
        "name": "other",
        "namespace": "default",
        "annotations": {"konghq.com/plugins": "limit"},
    },
    "spec": {
        "ingressClassName": "kong",
        "rules": [
            {
                "http": {
                    "paths": [
                        {
                            "path": "/other",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "kubernetes", "port": {"number": 443}}},
                        },
                    ]
                }
            }
        ],
    },
}


def test_a_change_that_does_not_arrive_names_the_object_of_another(
    driver: Driver, published: dict[str, Any], image: str
) -> None:
    """Someone else's plugin stops what this application wants; its run says whose."""
    bad = plugin("limit", "default", "rate-limiting", minute="three")
    driver.apply(bad, OTHER)
    until_said(driver, "KongPlugin", "KongConfigurationApplyFailed")
    gateway = f"gateway={{host: {HOST}, path: /api/health, auth: key, rate_limit: 60/minute}}"
    try:
        failed = run(driver, image, "--set", gateway, code=1)["problem"]
        assert failed["code"] == "GATEWAY_CONFIG_REJECTED", failed
        assert failed["resource"] == "KongPlugin default/limit"
    finally:
        for broken in (OTHER, bad):
            driver.delete(Ref.of(broken))
    assert run(driver, image, "--set", gateway)["status"] == "ready"


def test_a_token_in_place_of_a_key(driver: Driver, published: dict[str, Any], image: str) -> None:
    done = run(driver, image, "--set", f"gateway={{host: {HOST}, auth: jwt}}")
    assert done["proof"]["front-door"] == SEEN
    assert set(driver.secret(KEY)) == {"key", "secret", "algorithm"}


def test_nothing_of_it_is_left(
    driver: Driver, untouched: set[str], published: dict[str, Any]
) -> None:
    for name in (APP, NAME):
        driver.skill("remove", name, "--yes", "--purge")
    assert driver.objects() == untouched
