"""A workload that somebody scales to zero, on a real cluster: every command says who did it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from skill_runner.backends.kube import connect
from skill_runner.backends.kube.transport import open_transport
from skill_runner.objects import Ref
from tests.integration.runner.conftest import Hands
from tests.support.driver import Driver

NAME = "tiny-web"
WEB = Ref("apps/v1", "Deployment", NAME, "tiny")


@pytest.fixture(scope="module", autouse=True)
def _installed(driver: Driver) -> Iterator[None]:
    assert driver.skill("run", NAME)["status"] == "ready"
    yield
    driver.skill("remove", NAME, "--yes", "--purge")


def scale(driver: Driver, manager: str, replicas: int, part: str = "/scale") -> None:
    """As `kubectl scale` (the subresource) or `kubectl patch` asks for it."""

    async def ask() -> None:
        cluster = await connect(str(driver.kubeconfig), driver.context)
        transport = await open_transport(cluster.target)
        try:
            await transport.json(
                "PATCH",
                f"/apis/apps/v1/namespaces/tiny/deployments/{NAME}{part}",
                query={"fieldManager": manager},
                body={"spec": {"replicas": replicas}},
                content="application/merge-patch+json",
            )
        finally:
            await transport.close()
            await cluster.close()

    asyncio.run(ask())


def stopped(driver: Driver, hands: Hands, who: str) -> str:
    """Every command says so; the command that `why` names next."""
    hands.until(lambda: "readyReplicas" not in ((hands.get(WEB) or {}).get("status") or {}))
    problem = driver.skill("why", NAME, code=1)["problem"]
    assert (problem["code"], problem["resource"]) == ("SCALED_TO_ZERO", f"Deployment tiny/{NAME}")
    assert f"is scaled to 0 {who}" in problem["cause"]
    assert "the release asks for 1" in problem["cause"]
    for more in ([], ["--observe"]):
        verified = driver.skill("verify", NAME, *more, code=1)["problem"]
        assert verified["code"] == "SCALED_TO_ZERO"
        assert f"is scaled to 0 {who}" in verified["cause"]
    (row,) = driver.skill("status")["installations"]
    assert f"is scaled to 0 {who}" in row["scaled_to_zero"][0]
    return str(problem["next"][0]["run"])


def test_a_scale_request_of_zero_is_told_and_put_back_by_a_run(
    driver: Driver, hands: Hands
) -> None:
    who = "by a scale request, which leaves no name"
    scale(driver, "kubectl", 0)
    assert stopped(driver, hands, who).startswith(f"skill run {NAME}")
    again = driver.skill("run", NAME, "--no-change")
    assert (again["status"], again["changed"]) == ("ready", True)
    assert f"was scaled to 0 {who}" in "\n".join(again["notes"])
    assert "scaled_to_zero" not in driver.skill("status")["installations"][0]
    assert driver.skill("run", NAME)["status"] == "unchanged"


def test_who_patched_the_number_to_zero_is_named_and_kubectl_puts_it_back(
    driver: Driver, hands: Hands
) -> None:
    scale(driver, "kubectl-patch", 0, part="")
    advice = stopped(driver, hands, "by kubectl-patch at 20")
    assert f"-n tiny scale deployment {NAME} --replicas=1" in advice
    scale(driver, "kubectl", 1)
    hands.until(lambda: "readyReplicas" in ((hands.get(WEB) or {}).get("status") or {}))
    assert driver.skill("verify", NAME)["status"] == "ready"
    assert driver.skill("run", NAME)["status"] == "unchanged"
