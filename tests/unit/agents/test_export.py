"""`skill export`: idempotent, in marked regions, never over what a person wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.agents.export import AGENTS_FILE, BEGIN, END, export, with_section
from skill_runner.errors import Refused, UsageError
from skill_runner.skill.loader import load_skill
from skill_runner.skill.model import Skill
from tests.support.paths import ECHO

OWN = "# Our repository\n\nTabs, not spaces.\n"


@pytest.fixture(scope="module")
def echo() -> Skill:
    return load_skill(ECHO)


def test_again_nothing_changes(tmp_path: Path, echo: Skill) -> None:
    first = export([echo], tmp_path)
    assert {each.change for each in first} == {"written"}
    assert {str(each.path.relative_to(tmp_path)) for each in first} == {
        ".claude/skills/echo/SKILL.md",
        ".agents/skills/echo/SKILL.md",
        "AGENTS.md",
    }
    assert {each.change for each in export([echo], tmp_path)} == {"unchanged"}


def test_what_a_person_wrote_in_agents_md_stays(tmp_path: Path, echo: Skill) -> None:
    agents = tmp_path / AGENTS_FILE
    agents.write_text(OWN)
    export([echo], tmp_path)
    text = agents.read_text()
    assert text.startswith(OWN)
    assert "`echo`: A web server" in text
    agents.write_text(text.replace("`echo`", "`old`") + "\n## Below\n")
    export([echo], tmp_path)
    assert agents.read_text() == text + "\n## Below\n"


def test_a_skill_of_that_name_that_a_person_wrote_is_refused(tmp_path: Path, echo: Skill) -> None:
    own = tmp_path / ".agents/skills/echo/SKILL.md"
    own.parent.mkdir(parents=True)
    own.write_text("---\nname: echo\ndescription: Mine.\n---\n")
    with pytest.raises(Refused, match="nothing was written"):
        export([echo], tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [own]


@pytest.mark.parametrize(
    "text", [BEGIN, END, f"{END}\n{BEGIN}\n", f"{BEGIN}\n{BEGIN}\n{END}\n{END}\n"]
)
def test_broken_marks_are_refused(text: str) -> None:
    with pytest.raises(Refused, match="marks"):
        with_section(text, "ours", Path(AGENTS_FILE))


def test_a_repository_must_be_there(tmp_path: Path, echo: Skill) -> None:
    with pytest.raises(UsageError, match="no folder"):
        export([echo], tmp_path / "absent")
