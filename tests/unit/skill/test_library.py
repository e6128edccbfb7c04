"""Skills by name and by path; what is not there, and what is there twice."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from skill_runner.errors import UnknownSkill
from skill_runner.skill.library import Library, default_library
from tests.support.paths import SKILLS


def test_by_name_and_by_path() -> None:
    library = Library([SKILLS])
    assert "echo" in library.names()
    assert library.find("echo") == library.find(str(SKILLS / "echo"))


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownSkill, match="no skill 'ecko'; did you mean 'echo'\\?") as caught:
        Library([SKILLS]).find("ecko")
    assert caught.value.exit_code == 2
    assert "skill list" in caught.value.hint


def test_an_unknown_path_is_not_taken_for_a_name() -> None:
    with pytest.raises(UnknownSkill, match="is no skill: there is no"):
        Library([SKILLS]).find("./echo")


def test_one_name_in_two_folders_is_refused_unless_by_path(tmp_path: Path) -> None:
    shutil.copytree(SKILLS / "echo", tmp_path / "echo")
    library = Library([SKILLS, tmp_path])
    with pytest.raises(UnknownSkill, match="the name echo is in 2 folders") as caught:
        library.find("echo")
    assert str(SKILLS / "echo") in caught.value.message
    assert str(tmp_path / "echo") in caught.value.message
    assert library.find(str(tmp_path / "echo")).folder == tmp_path / "echo"


def test_one_folder_named_twice_is_one_place(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(SKILLS)
    assert Library([SKILLS, SKILLS, tmp_path / "link"]).find("echo").name == "echo"


def test_a_folder_that_is_not_there_holds_no_skills(tmp_path: Path) -> None:
    assert Library([tmp_path / "nowhere"]).names() == ()


def test_the_users_folders_join_the_shipped_skills() -> None:
    names = default_library({"SKILL_PATH": str(SKILLS)}).names()
    assert {"echo", "kafka-k8s-setup"} <= set(names)
    assert "echo" not in default_library({}).names()
