"""Namespaces that a run makes for what it applies, and who takes them away."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.actions import request
from skill_runner.errors import NotFound
from skill_runner.execution.state import Options
from skill_runner.installations import lock, removal
from skill_runner.installations.namespaces import ensure_namespace
from skill_runner.objects import Ref
from tests.support.session import SKILL, Stage
from tests.unit.readiness.wait.test_sidecars import component, definition

STEP = "  - {id: settings, apply: settings.yaml}\n"
SETTINGS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: learnflow}
"""
MAKING = Options(create_namespaces=True)
SPACE = Ref("v1", "Namespace", "learnflow")


@pytest.fixture
def elsewhere(stage: Stage) -> Stage:
    """A skill that also applies to a namespace that is not its own."""
    folder = stage.folder / "skills" / "demo-setup"
    (folder / "skill.yaml").write_text(SKILL.replace("steps:\n", f"steps:\n{STEP}"))
    (folder / "settings.yaml").write_text(SETTINGS)
    stage.cluster.put(definition())
    return stage


async def remove(stage: Stage) -> removal.Removed:
    target = await request.find_record(stage.world, "demo-setup", None)
    clock = stage.world.clock
    async with lock.hold(stage.world.connect, target.installation, "me", clock) as held:
        return await removal.remove(stage.world, target, held, purge=False)


async def test_a_namespace_that_is_missing_is_made_and_taken_away_again(elsewhere: Stage) -> None:
    outcome = await elsewhere.run(options=MAKING)
    assert outcome.status == "ready", outcome.problem
    assert await elsewhere.cluster.get(SPACE)
    done = await remove(elsewhere)
    assert "Namespace learnflow" in done.removed
    with pytest.raises(NotFound):
        await elsewhere.cluster.get(SPACE)


@pytest.mark.parametrize(
    "other",
    [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "mine", "namespace": "learnflow"},
        },
        component("mine", namespace="learnflow"),
    ],
    ids=["a Secret", "a custom resource"],
)
async def test_it_stays_where_somebody_else_has_something_in_it(
    elsewhere: Stage, other: dict[str, Any]
) -> None:
    await elsewhere.run(options=MAKING)
    elsewhere.cluster.put(other)
    await remove(elsewhere)
    assert await elsewhere.cluster.get(SPACE)


async def test_a_namespace_of_somebody_else_stays(elsewhere: Stage) -> None:
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "learnflow"}}
    elsewhere.cluster.put(made)
    await elsewhere.run()
    await remove(elsewhere)
    assert await elsewhere.cluster.get(SPACE)


async def test_a_namespace_that_somebody_makes_at_the_same_moment_stays_theirs(
    elsewhere: Stage,
) -> None:
    """It is missing when it is looked for, and there when it is to be made."""
    theirs = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE.name}}
    await elsewhere.cluster.create(theirs)
    elsewhere.cluster.fail("get", NotFound("not yet", status=404), kind="Namespace", times=1)
    space = await ensure_namespace(elsewhere.cluster, SPACE.name)
    assert (space.created, space.uids) == (False, {})
    assert "labels" not in (await elsewhere.cluster.get(SPACE))["metadata"]
