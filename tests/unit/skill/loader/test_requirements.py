"""What a skill says of the skills that it requires, held against them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from skill_runner.skill.library import Library
from skill_runner.skill.loader import load_skill, requirement_problems
from tests.support.graph import write_skill

CASES: list[tuple[dict[str, Any], str]] = [
    ({"requires": [{"skill": "buss"}]}, "there is no skill 'buss'; did you mean 'bus'?"),
    ({"requires": [{"skill": "bus", "with": {"topic": []}}]}, "bus has no input 'topic'"),
    ({"requires": [{"skill": "bus", "with": {"size": "big"}}]}, "size of bus expected a whole"),
    ({"requires": [{"skill": "needy"}]}, "needy needs the input 'host'"),
    ({"requires": [{"skill": "ring"}]}, "these require each other: app → ring → app"),
    (
        {"requires": [{"skill": "bus"}], "outputs": {"at": "{{ requires.bus.adress }}"}},
        "bus has no output 'adress'; did you mean 'address'?",
    ),
    (
        {
            "requires": [{"skill": "bus", "as": "events"}],
            "prove": [
                {"id": "p", "hook": "act", "kind": "probe", "when": "requires['events'].x == 1"}
            ],
        },
        "bus has no output 'x'",
    ),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = {"type": "string", "description": "A text.", "default": "nnn"}
    write_skill(tmp_path, "bus")
    write_skill(tmp_path, "ring", requires=[{"skill": "app"}])
    inputs = {"namespace": text, "host": {"type": "string", "description": "Required."}}
    write_skill(tmp_path, "needy", inputs=inputs, outputs={}, steps=[{"id": "a", "hook": "act"}])
    return tmp_path


@pytest.mark.parametrize(("parts", "words"), CASES, ids=[words for _, words in CASES])
def test_a_mistake_is_named_with_its_place(folder: Path, parts: dict[str, Any], words: str) -> None:
    write_skill(folder, "app", **parts)
    load_skill(folder / "app")
    (problem,) = requirement_problems(folder / "app", Library((folder,)).find)
    assert words in problem
    assert problem.startswith(f"{folder}/app/skill.yaml:")


def test_what_is_right_is_not_complained_of(folder: Path) -> None:
    parts = {
        "requires": [{"skill": "bus", "as": "b", "with": {"topics": "{{ topics }}", "size": 2}}],
        "outputs": {"at": "{{ requires.b.address }}", "all": "{{ requires.b }}"},
    }
    write_skill(folder, "app", **parts)
    assert requirement_problems(folder / "app", Library((folder,)).find) == ()
