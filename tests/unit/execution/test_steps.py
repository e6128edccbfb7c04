"""One step at a time: what it is called, and when it counts as done or as unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.execution.state import Options
from skill_runner.execution.steps import title
from skill_runner.plan import (
    PlannedApply,
    PlannedHook,
    PlannedRelease,
    PlannedStep,
)
from tests.support.session import SKILL, Stage

RELEASE = PlannedRelease(id="a", release="app", namespace="demo", chart="/c", values={})


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (RELEASE, "Helm release app in demo"),
        (PlannedApply(id="b", manifests=({}, {})), "apply 2 objects"),
        (PlannedHook(id="c", hook="after"), "hook after"),
    ],
)
def test_a_step_is_called_by_what_it_does(step: PlannedStep, said: str) -> None:
    assert title(step) == said


def write(stage: Stage, step: str) -> None:
    file = stage.folder / "skills" / "demo-setup" / "skill.yaml"
    file.write_text(SKILL.replace("  - {id: after, hook: after}\n", step))


async def statuses(stage: Stage, *sets: str, **more: Any) -> dict[str, tuple[str, str]]:
    outcome = await stage.run(*sets, **more)
    return {each.id: (each.status, each.message) for each in outcome.steps}


async def test_a_redeployment_calls_the_hook_again(stage: Stage) -> None:
    """Also the hook of a first step, before anything else has changed."""
    first = "steps:\n  - {id: after, hook: after}\n"
    write(stage, "")
    file = stage.folder / "skills" / "demo-setup" / "skill.yaml"
    file.write_text(file.read_text().replace("steps:\n", first))
    assert (await statuses(stage))["after"] == ("done", "done after")
    assert (await statuses(stage))["after"] == ("unchanged", "")
    again = await statuses(stage, options=Options(redeploy=True))
    assert again["after"] == ("done", "done after")


async def test_a_hook_of_every_run_is_unchanged_where_it_says_nothing(stage: Stage) -> None:
    write(stage, "  - {id: after, hook: after, always: true}\n")
    hooks = stage.folder / "skills" / "demo-setup" / "hooks.py"
    assert (await statuses(stage))["after"] == ("done", "done after")
    hooks.write_text(hooks.read_text().replace('return "done after"', "return None"))
    await statuses(stage)
    assert (await statuses(stage))["after"] == ("unchanged", "")


async def test_objects_are_applied_once_and_put_back_when_they_change(stage: Stage) -> None:
    write(stage, "  - {id: settings, apply: settings.yaml.j2}\n")
    (stage.folder / "skills" / "demo-setup" / "settings.yaml.j2").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
        'data: {replicas: "{{ replicas }}"}\n'
    )
    assert (await statuses(stage))["settings"][0] == "done"
    assert (await statuses(stage))["settings"][0] == "unchanged"
    assert (await statuses(stage, "replicas=2"))["settings"][0] == "done"
