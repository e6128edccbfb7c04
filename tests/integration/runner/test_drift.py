"""`skill drift` on a real cluster: what somebody did to an installation, with who and when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from skill_runner.backends.kube import connect
from skill_runner.backends.kube.transport import open_transport
from skill_runner.objects import Object, Ref
from tests.integration.runner.conftest import Hands
from tests.support.driver import Driver

NAME = "tiny-web"
WEB = Ref("apps/v1", "Deployment", NAME, "tiny")


@pytest.fixture(autouse=True)
def _installed(driver: Driver) -> Iterator[None]:
    assert driver.skill("run", NAME)["status"] in ("ready", "unchanged")
    yield
    driver.skill("remove", NAME, "--yes", "--purge")


def patch(driver: Driver, manager: str, body: Object) -> None:
    """As kubectl edits: an update of some fields, under a manager of its own."""

    async def ask() -> None:
        cluster = await connect(str(driver.kubeconfig), driver.context)
        transport = await open_transport(cluster.target)
        try:
            await transport.json(
                "PATCH",
                f"/apis/apps/v1/namespaces/tiny/deployments/{NAME}",
                query={"fieldManager": manager},
                body=body,
                content="application/strategic-merge-patch+json",
            )
        finally:
            await transport.close()
            await cluster.close()

    asyncio.run(ask())


def drift(driver: Driver, code: int) -> list[dict[str, Any]]:
    position = driver.audit_position()
    changes: list[dict[str, Any]] = driver.skill("drift", NAME, code=code)["changes"]
    if driver.audit_log:
        assert driver.writes_since(position, "tiny") == [], "it only asks"
    return changes


def container_of(hands: Hands) -> str:
    live = hands.get(WEB)
    assert live is not None
    return str(live["spec"]["template"]["spec"]["containers"][0]["name"])


def test_every_change_is_shown_with_who_and_when(driver: Driver, hands: Hands) -> None:
    assert drift(driver, 0) == []
    name = container_of(hands)
    added = {"name": name, "env": [{"name": "ADDED", "value": "by hand"}]}
    body = {"spec": {"replicas": 0, "template": {"spec": {"containers": [added]}}}}
    patch(driver, "kubectl-edit", body)
    found = {each["field"]: each for each in drift(driver, 1)}
    scaled = found["spec.replicas"]
    assert (scaled["kind"], scaled["made"], scaled["live"]) == ("changed", "1", "0")
    assert scaled["who"] == "kubectl-edit"
    assert scaled["when"].endswith("Z")
    base = f"spec.template.spec.containers[name={name}].env[name=ADDED]"
    beside = [each for field, each in found.items() if field.startswith(base)]
    assert beside, found
    assert {(each["kind"], each["who"]) for each in beside} == {("added", "kubectl-edit")}


def test_a_deleted_object_is_shown(driver: Driver, hands: Hands) -> None:
    driver.delete(WEB)
    driver.until_gone(WEB)
    assert drift(driver, 1) == [{"resource": f"Deployment tiny/{NAME}", "kind": "deleted"}]
