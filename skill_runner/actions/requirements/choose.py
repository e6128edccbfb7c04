"""Choose the installation that meets a requirement: named, used before, fitting, or new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skill_runner.actions.requirements.merge import clashing, onto
from skill_runner.errors import Refused, UsageError
from skill_runner.installations.record import Record
from skill_runner.installations.records import Records
from skill_runner.plan import Installation
from skill_runner.skill.model import MISSING, Requirement, Skill


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeker:
    """The one that requires: its name, its record's earlier choices, the caller's for it."""

    installation: Installation
    old: Record | None
    use: Mapping[str, str]


async def choose(
    seeker: Seeker,
    requirement: Requirement,
    skill: Skill,
    planned: Mapping[Installation, Skill],
    records: Records,
) -> Installation:
    """The installation that shall meet `requirement`; `planned` are those of this graph so far.

    UsageError for a name that is not there, Refused for one that cannot serve.
    """
    named = seeker.use.get(requirement.alias) or seeker.use.get(requirement.skill)
    if named:
        return await _named(named, seeker, requirement, planned, records)
    before = await _before(seeker, requirement, planned, records)
    if before:
        return before
    namespace = requirement.inputs.get("namespace")
    ours = [
        each
        for each, its in planned.items()
        if its.name == skill.name and namespace in (None, each.namespace)
    ]
    if ours:
        return _one(ours, seeker, requirement)
    fitting = await _fitting(skill, requirement, records)
    if fitting:
        return _one(fitting, seeker, requirement)
    return await _new(skill, requirement, seeker, records)


async def _before(
    seeker: Seeker,
    requirement: Requirement,
    planned: Mapping[Installation, Skill],
    records: Records,
) -> Installation | None:
    """The one that the record names; also when it is gone, so that it comes back where it was."""
    text = (seeker.old.requires if seeker.old else {}).get(requirement.alias)
    if not text:
        return None
    before = Installation.parse(text)
    if before in planned:
        return before if planned[before].name == requirement.skill else None
    old = await records.look(before)
    return before if old is None or old.skill == requirement.skill else None


async def _named(
    named: str,
    seeker: Seeker,
    requirement: Requirement,
    planned: Mapping[Installation, Skill],
    records: Records,
) -> Installation:
    skills = {each: its.name for each, its in planned.items()}
    if "/" in named and (old := await records.look(Installation.parse(named))) is not None:
        skills[old.installation] = old.skill
    elif named not in map(str, skills):
        skills.update({each.installation: each.skill for each in await records.all()})
    found = [each for each in skills if named in (str(each), each.name)]
    if not found:
        known = [str(each) for each, its in skills.items() if its == requirement.skill]
        raise UsageError(
            f"{seeker.installation} is to use {named} as {requirement.alias}, "
            "and there is no such installation",
            hint=f"Of {requirement.skill} there is: {', '.join(sorted(known)) or 'none'}",
        )
    one = _one(found, seeker, requirement)
    if skills[one] != requirement.skill:
        raise Refused(
            f"{seeker.installation} requires {requirement.skill} as {requirement.alias}, "
            f"and {one} is an installation of {skills[one]}"
        )
    return one


async def _fitting(skill: Skill, requirement: Requirement, records: Records) -> list[Installation]:
    """Those that serve as they are; if none does, those that may be changed so that they serve."""
    clear = [
        old
        for old in await records.all()
        if old.skill == skill.name and not clashing(skill, old, requirement.inputs)
    ]
    as_is = [old for old in clear if old.complete and not onto(skill, old, requirement.inputs)]
    return [old.installation for old in as_is or clear]


def _one(found: list[Installation], seeker: Seeker, requirement: Requirement) -> Installation:
    """The only one, else that of the skill's own name; Refused when it would have to be guessed."""
    usual = [each for each in found if each.name == requirement.skill]
    if len(found) == 1:
        return found[0]
    if len(usual) == 1:
        return usual[0]
    raise Refused(
        f"{seeker.installation} requires {requirement.skill} as {requirement.alias}, and several "
        f"installations would do: {', '.join(sorted(map(str, found)))}",
        hint=f"Name one: --use {requirement.alias}={found[0]}",
    )


async def _new(
    skill: Skill, requirement: Requirement, seeker: Seeker, records: Records
) -> Installation:
    """By the skill's own name, in the namespace that is wanted, else the skill's default.

    One of that name that is there already is changed, where its inputs may change freely.
    """
    default: Any = skill.inputs["namespace"].default
    namespace = requirement.inputs.get("namespace", "default" if default is MISSING else default)
    made = Installation(str(namespace), skill.name)
    old = await records.look(made)
    if old is None:
        return made
    if old.skill != skill.name:
        raise Refused(
            f"{seeker.installation} requires {skill.name}, and {made} is an installation of "
            f"{old.skill}"
        )
    names = [
        name
        for name in clashing(skill, old, requirement.inputs)
        if name not in skill.inputs or skill.inputs[name].change != "free"
    ]
    if not names:
        return made
    wanted = requirement.inputs
    lines = (f"\n  {n}: it has {old.inputs[n]!r}, wanted is {wanted[n]!r}" for n in names)
    raise Refused(
        f"{seeker.installation} requires {skill.name} as {requirement.alias}, and {made} does not "
        f"fit:{''.join(lines)}",
        hint=f"Install one that does, and name it: skill run {skill.name} --name NAME …, then "
        f"--use {requirement.alias}={made.namespace}/NAME",
    )
