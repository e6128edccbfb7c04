"""A skill's own checks before the first change."""

from __future__ import annotations

from typing import NoReturn

import pytest

from skill_runner.backends.base import ReleaseSpec
from skill_runner.errors import ChartError, PreflightFailed
from tests.support.session import HOOKS, SKILL, Stage

CHECKS = """
preflight:
  - {id: check, hook: check, when: color == 'red'}
"""
CHECK = """
async def check(ctx):
    raise GiveUp("red is not to be had\\nevidence of red", hint="Take blue.")
"""


@pytest.fixture
def checking(stage: Stage) -> Stage:
    folder = stage.folder / "skills" / "demo-setup"
    (folder / "skill.yaml").write_text(SKILL + CHECKS)
    (folder / "hooks.py").write_text(HOOKS + CHECK)
    return stage


async def test_a_check_refuses_before_anything(checking: Stage) -> None:
    with pytest.raises(PreflightFailed, match=r"^red is not to be had") as refused:
        await checking.run("color=red")
    assert refused.value.problem.code == "CHECK_FAILED"
    assert refused.value.problem.evidence == ("evidence of red",)
    assert refused.value.hint == "Take blue."
    assert checking.writes() == []


async def test_inputs_that_contradict_each_other_are_refused_without_a_hook(stage: Stage) -> None:
    refuse = """
preflight:
  - {id: no-red, when: color == 'red', refuse: "{{ color }} is not to be had", hint: "Take blue."}
"""
    (stage.folder / "skills" / "demo-setup" / "skill.yaml").write_text(SKILL + refuse)
    with pytest.raises(PreflightFailed, match=r"^red is not to be had") as refused:
        await stage.run("color=red")
    assert (refused.value.problem.code, refused.value.exit_code) == ("CHECK_FAILED", 3)
    assert refused.value.hint == "Take blue."
    assert stage.writes() == []
    assert (await stage.run()).status == "ready"


async def test_a_check_that_refuses_needs_no_chart(checking: Stage) -> None:
    """An operator that is there already is the cause, not the chart that cannot be fetched."""
    checking.helm._charts.clear()
    with pytest.raises(PreflightFailed, match=r"^red is not to be had"):
        await checking.run("color=red")
    with pytest.raises(PreflightFailed) as refused:
        await checking.run()
    assert refused.value.problem.code == "CHART_ERROR"


async def test_a_check_that_does_not_apply_is_not_asked(checking: Stage) -> None:
    assert (await checking.run()).status == "ready"


ADVICE = """
problems: {CHART_ERROR: Take the bundled one.}
"""


@pytest.mark.parametrize(
    ("advice", "fix"),
    [("", "Check the network."), (ADVICE, "Check the network. Take the bundled one.")],
    ids=["without advice", "with advice"],
)
async def test_a_chart_that_cannot_be_had_is_fixed_by_what_the_skill_advises(
    checking: Stage, monkeypatch: pytest.MonkeyPatch, advice: str, fix: str
) -> None:
    async def unreachable(_: ReleaseSpec) -> NoReturn:
        raise ChartError("no such host", hint="Check the network.")

    (checking.folder / "skills" / "demo-setup" / "skill.yaml").write_text(SKILL + CHECKS + advice)
    monkeypatch.setattr(checking.helm, "template", unreachable)
    with pytest.raises(PreflightFailed) as refused:
        await checking.run()
    assert refused.value.problem.fix == fix


NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "small"},
    "status": {"allocatable": {"cpu": "1m", "memory": "1Mi"}},
}


async def test_what_no_node_can_hold_is_refused(stage: Stage) -> None:
    stage.cluster.put(NODE)
    with pytest.raises(PreflightFailed) as refused:
        await stage.run()
    assert refused.value.problem.code == "CAPACITY"


async def test_a_pool_that_may_grow_can_hold_more_than_its_nodes_of_today(stage: Stage) -> None:
    pooled = {"name": "small", "labels": {"eks.amazonaws.com/nodegroup": "small"}}
    stage.cluster.put({**NODE, "metadata": pooled})
    assert (await stage.run()).status == "ready"
