"""Which rights we lack, by few questions; rules are read as the API server reads them."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from skill_runner.backends.base import Right
from skill_runner.backends.kube import KubeCluster
from skill_runner.backends.kube.reviews import grants
from tests.unit.backends.kube.conftest import Server

RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
PODS = Right("list", "", "pods", "shop")
EXEC = Right("create", "", "pods/exec", "shop")
NODES = Right("list", "", "nodes")


def rule(verbs: str, groups: str, resources: str, *names: str) -> dict[str, Any]:
    named = {"resourceNames": list(names)} if names else {}
    return {
        "verbs": verbs.split(),
        "apiGroups": groups.split(","),
        "resources": resources.split(),
        **named,
    }


def answers(server: Server, *rules: dict[str, Any], **status: Any) -> list[Right]:
    """Let the server know these rules, and deny every single review; which ones were asked."""
    asked: list[Right] = []

    async def single(request: web.Request) -> web.Response:
        given = (await request.json())["spec"]["resourceAttributes"]
        sub = f"/{given['subresource']}" if given["subresource"] else ""
        asked.append(
            Right(
                given["verb"],
                given["group"],
                given["resource"] + sub,
                given["namespace"] or None,
                given["name"],
            )
        )
        return web.json_response({"status": {"allowed": False}})

    server.answer(RULES, web.json_response({"status": {"resourceRules": list(rules), **status}}))
    server.answer(ACCESS, single)
    return asked


async def test_one_question_a_namespace(cluster: KubeCluster, server: Server) -> None:
    asked = answers(server, rule("list get", "", "pods"))
    many = [Right("get", "", "pods", space) for space in ("a", "b") for _ in range(60)]
    assert await cluster.denied([*many, PODS, EXEC]) == (EXEC,)
    assert asked == []
    assert [path for _, path in server.asked] == [RULES] * 3


async def test_what_has_no_namespace_is_asked_for_by_itself(
    cluster: KubeCluster, server: Server
) -> None:
    """Rules do not say whether they came from a RoleBinding, which grants nothing there."""
    asked = answers(server, rule("*", "*", "*"))
    assert await cluster.denied([PODS, NODES]) == (NODES,)
    assert asked == [NODES]


@pytest.mark.parametrize("status", [{"incomplete": True}, {"evaluationError": "no webhook"}])
async def test_rules_that_are_not_all_decide_nothing(
    cluster: KubeCluster, server: Server, status: dict[str, Any]
) -> None:
    asked = answers(server, rule("*", "*", "*"), **status)
    assert await cluster.denied([PODS, EXEC]) == (PODS, EXEC)
    assert asked == [PODS, EXEC]


@pytest.mark.parametrize(
    ("given", "right", "granted"),
    [
        (rule("list", "", "pods"), PODS, True),
        (rule("get", "", "pods"), PODS, False),
        (rule("*", "", "pods"), PODS, True),
        (rule("list", "apps", "pods"), PODS, False),
        (rule("list", "*", "pods"), PODS, True),
        (rule("list", "", "*"), PODS, True),
        (rule("create", "", "pods"), EXEC, False),
        (rule("create", "", "pods/exec"), EXEC, True),
        (rule("create", "", "*/exec"), EXEC, True),
        (rule("create", "", "*"), EXEC, True),
        (rule("list", "", "pods", "one"), PODS, False),
        (rule("get", "", "pods", "one"), Right("get", "", "pods", "shop", "one"), True),
        (rule("get", "", "pods", "one"), Right("get", "", "pods", "shop", "two"), False),
    ],
)
def test_rules_are_read_as_rbac_reads_them(
    given: dict[str, Any], right: Right, *, granted: bool
) -> None:
    assert grants(given, right) is granted
