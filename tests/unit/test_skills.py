"""Skills by one hand: short hooks, named by what they do, in folders that are read in minutes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from skill_runner.skill.library import default_library
from skill_runner.skill.model import HookStep, Skill

SKILLS: Final = [default_library().find(name) for name in default_library().names()]
LONGEST: Final = 150  # lines of one hooks.py
TOGETHER: Final = 800  # lines of the older skills
OLDER: Final = (
    "cnpg-operator",
    "dapr-k8s-setup",
    "docusaurus-deploy",
    "fastapi-dapr-agent",
    "kafka-k8s-setup",
    "nextjs-k8s-deploy",
    "postgres-k8s-setup",
    "redis-k8s-setup",
    "strimzi-operator",
)
# A step makes something so, or stops the run where it is not; a proof disturbs only as a drill.
BEGINNINGS: Final = {
    "check": ("check_",),
    "step": ("ensure_", "check_", "prove_"),
    "observe": ("prove_",),
    "probe": ("prove_",),
    "drill": ("drill_",),
}


def lines(skill: Skill) -> int:
    return len(skill.hooks_file.read_text("utf-8").splitlines()) if skill.hook_says else 0


def hooks(skill: Skill) -> Iterator[tuple[str, str]]:
    """Each hook that skill.yaml names, with what it is called for."""
    yield from (("check", each.hook) for each in skill.preflight)
    yield from (("step", each.hook) for each in skill.steps if isinstance(each, HookStep))
    yield from ((each.kind, each.hook) for each in skill.prove)


def test_hooks_are_short() -> None:
    long = {skill.name: lines(skill) for skill in SKILLS}
    assert {name: count for name, count in long.items() if count > LONGEST} == {}
    assert 0 < sum(long[name] for name in OLDER) <= TOGETHER


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
def test_a_hook_is_named_by_what_it_does(skill: Skill) -> None:
    named = [(kind, name) for kind, name in hooks(skill) if name]
    assert [name for kind, name in named if not name.startswith(BEGINNINGS[kind])] == []
