"""Folders of skills into skills: found by name or by path, never by guess.

Hooks are code, so a skill comes from the installed library or from a folder that the user named
(SKILL_PATH, or a path on the command line); one name in two folders is refused, not chosen.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from skill_runner.errors import UnknownSkill
from skill_runner.skill.loader import FILE, load_skill
from skill_runner.skill.model import Skill
from skill_runner.skill.shipped import shipped
from skill_runner.skill.suggest import did_you_mean

PATH_VARIABLE: Final = "SKILL_PATH"  # folders of skills, separated as PATH is


class Library:
    """The skills of some folders; each skill is a folder with a skill.yaml."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(folders)

    def names(self) -> tuple[str, ...]:
        """The names of all skills, sorted; nothing is read."""
        return tuple(sorted(self._places()))

    def folder_of(self, name_or_path: str) -> Path:
        """The folder of a skill, by its name or by a path to it. UnknownSkill otherwise."""
        if "/" in name_or_path or os.sep in name_or_path or name_or_path in (".", ".."):
            folder = Path(name_or_path)
            if (folder / FILE).is_file():
                return folder
            raise UnknownSkill(
                f"{name_or_path} is no skill: there is no {folder / FILE}",
                hint="A path names the folder that holds skill.yaml.",
            )
        places = self._places().get(name_or_path, [])
        if len(places) == 1:
            return places[0]
        if places:
            place = str(places[0]) if places[0].is_absolute() else f"./{places[0]}"
            raise UnknownSkill(
                f"the name {name_or_path} is in {len(places)} folders: "
                + ", ".join(str(place) for place in places),
                hint=f"Name the one you mean by its path: {place}",
            )
        mean = did_you_mean(name_or_path, self.names(), known="skills")
        raise UnknownSkill(
            f"there is no skill '{name_or_path}'{mean}",
            hint=f"`skill list` shows every skill; {PATH_VARIABLE} adds folders of your own.",
        )

    def find(self, name_or_path: str) -> Skill:
        """The skill, read and checked. UnknownSkill, or SkillFileError with every mistake."""
        return load_skill(self.folder_of(name_or_path))

    def _places(self) -> Mapping[str, list[Path]]:
        places: dict[str, list[Path]] = {}
        seen: set[Path] = set()
        for folder in self.folders:
            for file in sorted(folder.glob(f"*/{FILE}")):
                if file.resolve() not in seen:
                    seen.add(file.resolve())
                    places.setdefault(file.parent.name, []).append(file.parent)
        return places


def default_library(
    environment: Mapping[str, str] | None = None, named: Iterable[str] = ()
) -> Library:
    """The skills that ship with the package, of the folders in SKILL_PATH, and of those named."""
    variables = os.environ if environment is None else environment
    parts = [part for part in variables.get(PATH_VARIABLE, "").split(os.pathsep) if part]
    return Library((shipped("skills"), *map(Path, (*parts, *named))))
