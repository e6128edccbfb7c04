"""Check what a skill says of other skills against these: that they are there, take what is asked of
them, give what is read from them, and do not require it in turn.

Apart from the other checks because it needs the other skills: `skill validate` makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from skill_runner.errors import SkillFileError, UnknownSkill
from skill_runner.skill.loader.files import read_text
from skill_runner.skill.loader.source import Source, text
from skill_runner.skill.loader.templates import alias_of, expressions, inline, template_files
from skill_runner.skill.model import Skill
from skill_runner.skill.schema import faults
from skill_runner.skill.suggest import did_you_mean
from skill_runner.skill.templating import attributes_read
from skill_runner.skill.yaml_source import Mark, read_one
from skill_runner.skill.yaml_source import Path as DataPath

Find = Callable[[str], Skill]


def requirement_problems(folder: Path, find: Find) -> tuple[str, ...]:
    """Every mistake as a line with its place; the skill's own checks have passed already."""
    source = Source(folder, read_one(read_text(folder, "skill.yaml")))
    required: dict[str, Skill] = {}
    for path, entry in source.items("requires"):
        name = text(entry, "skill") or ""
        try:
            skill = find(name)
        except (UnknownSkill, SkillFileError) as error:
            source.report((*path, "skill"), error.message.splitlines()[0])
            continue
        required[alias_of(entry)] = skill
        wanted = entry.get("with") or {}
        for at, message in _inputs(skill, wanted):
            source.report((*path, *at), message)
        cycle = _cycle(skill, find, (text(source.data, "name") or "",))
        if cycle:
            source.report(path, f"these require each other: {' → '.join(cycle)}")
    _check_outputs(source, required)
    return source.lines()


def _inputs(skill: Skill, wanted: Mapping[str, object]) -> Iterator[tuple[DataPath, str]]:
    for name, value in wanted.items():
        each = skill.inputs.get(name)
        if each is None:
            mean = did_you_mean(name, skill.inputs, known="inputs")
            yield ("with", name), f"{skill.name} has no input '{name}'{mean}"
        elif "{{" not in str(value) and "{%" not in str(value):
            for fault in faults(value, each.schema):
                yield ("with", name, *fault.path), f"{name} of {skill.name} {fault.message}"
    for each in skill.inputs.values():
        if each.required and each.name not in wanted:
            yield (), f"{skill.name} needs the input '{each.name}': say it under `with`"


def _cycle(skill: Skill, find: Find, path: tuple[str, ...]) -> tuple[str, ...]:
    """The way from the first of `path` through `skill` back to it; empty when there is none."""
    if skill.name == path[0]:
        return (*path, skill.name)
    if skill.name in path:
        return ()  # a cycle that this skill only leads to: its members will say so
    for each in skill.requires:
        try:
            found = _cycle(find(each.skill), find, (*path, skill.name))
        except (UnknownSkill, SkillFileError):
            continue
        if found:
            return found
    return ()


def _check_outputs(source: Source, required: Mapping[str, Skill]) -> None:
    """Each `requires.<alias>.<output>` in expressions, templates and template files."""

    def unknown(template: str) -> Iterator[tuple[int, str]]:
        for line, (alias, *rest) in attributes_read(template, "requires"):
            if alias in required and rest and rest[0] not in required[alias].outputs:
                skill = required[alias]
                mean = did_you_mean(rest[0], skill.outputs, known="outputs")
                yield line, f"{skill.name} has no output '{rest[0]}'{mean}"

    for path, expression in expressions(source):
        for _, message in unknown("{{ " + expression + " }}"):
            source.report(path, message)
    for path, template in inline(source):
        for _, message in unknown(template):
            source.report(path, message)
    for _, name in template_files(source):
        if name.endswith(".j2"):
            for line, message in unknown(read_text(source.folder, name)):
                source.report_in(name, Mark(line, 1), message)
