"""skill.yaml into a Skill: every mistake at once, each with its file, line and remedy.

Read once, here; nothing downstream sees YAML. The skill's hooks are looked at, never run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from skill_runner.errors import SkillFileError
from skill_runner.skill.loader.build import build_skill
from skill_runner.skill.loader.checks import check_all
from skill_runner.skill.loader.files import FileFault, read_text
from skill_runner.skill.loader.fragments import fill_inputs
from skill_runner.skill.loader.hookfile import HookFault, read_hooks
from skill_runner.skill.loader.requirements import requirement_problems
from skill_runner.skill.loader.shape import check_shape, skill_schema
from skill_runner.skill.loader.source import Source
from skill_runner.skill.model import SCHEMA_VERSION, Skill
from skill_runner.skill.yaml_file import mistakes
from skill_runner.skill.yaml_source import Document, YamlFault, read_one

__all__ = ["FILE", "load_skill", "requirement_problems", "skill_schema"]

FILE: Final = "skill.yaml"


def load_skill(folder: Path) -> Skill:
    """The skill of a folder. SkillFileError with every mistake in it."""
    file = folder / FILE
    source = Source(folder, _document(file))
    _check_version(source, file)
    for duplicate in source.document.faults:
        source.report_in(FILE, duplicate.mark, duplicate.message)
    try:
        read = read_hooks(folder / "hooks.py")
        source.hooks = read.hooks
        if read.fault is not None:
            source.report_in("hooks.py", read.fault.mark, read.fault.message)
    except HookFault as fault:
        source.hooks_known = False
        source.report_in("hooks.py", fault.mark, fault.message)
    fill_inputs(source)
    check_shape(source)
    check_all(source)
    problems = source.lines()
    if problems:
        raise mistakes(f"the skill in {folder}", problems)
    return build_skill(source)


def _document(file: Path) -> Document:
    if not file.is_file():
        raise SkillFileError(
            f"{file} does not exist",
            hint="A skill is a folder with a skill.yaml: `skill new skill NAME` starts one.",
        )
    try:
        document = read_one(read_text(file.parent, file.name))
    except FileFault as fault:
        raise SkillFileError(f"{file}: {fault}") from None
    except YamlFault as fault:
        raise SkillFileError(f"{file}:{fault.mark}: {fault.message}") from None
    if not isinstance(document.data, dict):
        raise SkillFileError(f"{file}:1:1: expected a mapping that begins with `schema: 1`")
    return document


def _check_version(source: Source, file: Path) -> None:
    """Before all else: a file of a newer format would only give messages that mislead."""
    version = source.data.get("schema")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise SkillFileError(
            f"{file}:{source.document.mark(('schema',))}: schema {version} is newer than this "
            f"runner, which reads schema {SCHEMA_VERSION}",
            hint="Upgrade it: pip install --upgrade kube-skills",
        )
