"""What Roles grant is refused before anything is touched, and named right by right."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.backends.base import Right
from skill_runner.errors import ApiError, Forbidden, NotFound
from skill_runner.execution import permissions
from skill_runner.execution.rights import RBAC, rights_of
from skill_runner.objects import Object
from skill_runner.plan import Plan
from tests.support.session import Stage
from tests.unit.execution.test_rights import restricted, rule

HELD = ApiError(
    "attempting to grant RBAC permissions not currently held", status=403, reason="Forbidden"
)
ABSENT = NotFound('roles "reads" not found', status=404)
GET, PATCH = Right("get", "apps", "deployments", "demo"), Right("patch", "", "pods", "demo")


def role() -> Object:
    rules = [rule(["apps"], ["deployments"], ["get"]), rule([""], ["pods"], ["patch"])]
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": "reads", "namespace": "demo"},
        "rules": rules,
    }


def binding() -> Object:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "reads", "namespace": "demo"},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "reads"},
        "subjects": [],
    }


@pytest.fixture
async def plan(stage: Stage, tmp_path: Path) -> Plan:
    made, _ = await restricted(stage)
    return made


async def refusal(stage: Stage, plan: Plan, *also: Right) -> tuple[str, ...]:
    """What is refused of whom has the rights of a run, and these."""
    manifests = [role(), binding()]
    stage.cluster.grant({*rights_of(plan, manifests).of["run"], *also})
    with pytest.raises(Forbidden) as refused:
        await permissions.check(plan, stage.cluster, manifests)
    assert refused.value.problem is not None
    return tuple(map(str, refused.value.problem.evidence))


async def test_the_rights_that_are_not_held_are_named(stage: Stage, plan: Plan) -> None:
    stage.cluster.fail("apply", HELD, kind="Role", times=2)
    assert await refusal(stage, plan, GET) == (str(PATCH),)
    assert await refusal(stage, plan, PATCH) == (str(GET),)


async def test_another_reason_is_told_in_the_server_s_words(stage: Stage, plan: Plan) -> None:
    stage.cluster.fail("apply", Forbidden("a webhook says no"), kind="Role")
    assert await refusal(stage, plan, GET, PATCH) == ("a webhook says no",)


class TestWhatTheServerCannotSayYet:
    """A Role whose namespace, or a binding whose role, is not there."""

    @pytest.mark.parametrize("kind", ["Role", "RoleBinding"])
    async def test_is_asked_for_by_its_rights(self, stage: Stage, plan: Plan, kind: str) -> None:
        stage.cluster.fail("apply", ABSENT, kind=kind)
        lacking = str(PATCH) if kind == "Role" else f"bind roles.{RBAC} reads in demo"
        assert await refusal(stage, plan, GET) == (lacking,)

    @pytest.mark.parametrize("kind", ["Role", "RoleBinding"])
    @pytest.mark.parametrize("may", ["have", "grant"])
    async def test_is_left_to_whom_may(self, stage: Stage, plan: Plan, kind: str, may: str) -> None:
        stage.cluster.fail("apply", ABSENT, kind=kind)
        verb = "escalate" if kind == "Role" else "bind"
        also = {GET, PATCH} if may == "have" else {Right(verb, RBAC, "roles", "demo", "reads")}
        manifests = [role(), binding()]
        stage.cluster.grant({*rights_of(plan, manifests).of["run"], *also})
        await permissions.check(plan, stage.cluster, manifests)
