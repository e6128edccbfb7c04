"""A Helm release that somebody else made, under the name that a skill wants, on a real cluster."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from skill_runner.binaries import ensure
from skill_runner.objects import Ref
from tests.integration.runner.conftest import Hands
from tests.support.driver import Driver
from tests.support.paths import TINY

NAME, SPACE = "tiny-web", "strangers"
WEB = Ref("apps/v1", "Deployment", NAME, SPACE)
WHERE = ("-n", SPACE)


@pytest.fixture(autouse=True)
def _space(driver: Driver) -> Iterator[None]:
    driver.make_namespace(SPACE)
    yield
    driver.delete(Ref("v1", "Namespace", SPACE))
    driver.until_gone(Ref("v1", "Namespace", SPACE))


def helm(driver: Driver, *arguments: str) -> Any:
    """Helm by hand, as a neighbour uses it."""
    where = ["--kubeconfig", str(driver.kubeconfig), "--kube-context", driver.context, *WHERE]
    command = [str(asyncio.run(ensure("helm"))), *arguments, *where, "-o", "json"]
    if arguments[0] == "uninstall":
        command = command[:-2]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout) if "-o" in command else None


def install(driver: Driver, greeting: str) -> None:
    values = {
        "name": NAME,
        "image": "localhost/test-busybox:1",
        "greeting": greeting,
        "cpu": "50m",
        "password": "",
        "hang": "nowhere",
    }
    sets = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    helm(driver, "install", NAME, str(TINY / NAME / "chart"), *sets)


def revisions(driver: Driver) -> list[tuple[int, str]]:
    return [(each["revision"], each["status"]) for each in helm(driver, "history", NAME)]


def test_it_is_refused_until_it_is_adopted(driver: Driver, hands: Hands) -> None:
    install(driver, "theirs")
    before = hands.get(WEB)
    assert before is not None
    refused = driver.skill("run", NAME, *WHERE, code=3)["problem"]
    assert (refused["code"], refused["resource"]) == ("NOT_OURS", f"release {SPACE}/{NAME}")
    driver.skill("remove", NAME, *WHERE, "--yes", "--purge", code=2)
    planned = driver.skill("plan", NAME, *WHERE, "--adopt")
    (line,) = [note for note in planned["notes"] if note.startswith("would take over")]
    assert "spec.template.spec.containers[0].env[0].value" in line
    assert "theirs" not in line
    now = hands.get(WEB)
    assert now is not None
    assert (now["spec"], now["metadata"]["uid"]) == (before["spec"], before["metadata"]["uid"])
    assert revisions(driver) == [(1, "deployed")]
    assert driver.skill("run", NAME, *WHERE, "--adopt")["status"] == "ready"
    assert driver.skill("run", NAME, *WHERE)["status"] == "unchanged"
    driver.skill("remove", NAME, *WHERE, "--yes", "--purge")
    assert hands.get(WEB) is None


def test_one_that_was_made_again_is_left_installed(driver: Driver, hands: Hands) -> None:
    assert driver.skill("run", NAME, *WHERE)["status"] == "ready"
    helm(driver, "uninstall", NAME)
    install(driver, "theirs")
    before = hands.get(WEB)
    refused = driver.skill("run", NAME, *WHERE, code=3)["problem"]
    assert refused["code"] == "NOT_OURS"
    removed = driver.skill("remove", NAME, *WHERE, "--yes", "--purge")
    assert any(f"release {SPACE}/{NAME}" in note for note in removed["notes"])
    now = hands.get(WEB)
    assert before is not None
    assert now is not None
    assert now["metadata"]["uid"] == before["metadata"]["uid"]
    assert revisions(driver) == [(1, "deployed")]
