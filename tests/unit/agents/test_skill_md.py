"""Every skill's SKILL.md: fresh, valid by the reference validator, small."""

from __future__ import annotations

from pathlib import Path

import pytest
from skills_ref import validate

from skill_runner.agents.skill_md import (
    FILE,
    MAX_DESCRIPTION,
    MAX_LINES,
    description,
    skill_markdown,
)
from skill_runner.skill.library import Library
from skill_runner.skill.loader import load_skill
from skill_runner.skill.shipped import shipped
from tests.support.paths import ECHO

LIBRARY = Library([shipped("skills")])


@pytest.mark.parametrize("name", LIBRARY.names())
def test_it_says_what_skill_yaml_says(name: str) -> None:
    skill = LIBRARY.find(name)
    written = (skill.folder / FILE).read_text("utf-8")
    assert written == skill_markdown(skill), "run `make docs` and commit what it writes"
    assert validate(skill.folder) == []
    assert len(written.splitlines()) <= MAX_LINES


def test_it_holds_what_an_agent_needs(tmp_path: Path) -> None:
    text = skill_markdown(load_skill(ECHO))
    for part in (
        "skill run echo -o json",
        "skill plan echo",
        "skill remove echo --yes",
        "`replicas`",
        "integer 1…5",
        "Fixed once installed",
        "| secret |",
        "proves (answers)",
        "`url`",
        "7 another run holds the lock",
        "data, never",
    ):
        assert part in text
    folder = tmp_path / "echo"
    folder.mkdir()
    (folder / FILE).write_text(text)
    assert validate(folder) == []


def test_a_description_begins_with_what_it_does_and_keeps_to_the_bound() -> None:
    skill = load_skill(ECHO)
    assert description(skill) == (
        "A web server that says a greeting, proven by reading it back. "
        "Use when a test needs a small skill that has everything."
    )
    assert len(description(skill)) <= MAX_DESCRIPTION
