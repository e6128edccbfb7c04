"""Merge what several ask of one installation; name and refuse what cannot hold at once.

Lists and mappings are put together, unless the input is fixed once installed; of an input that may
grow, the larger amount holds both; anything else must be equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skill_runner.errors import Refused
from skill_runner.installations.record import Record
from skill_runner.plan import Installation
from skill_runner.plan.changes import grows
from skill_runner.skill.model import Change, Skill
from skill_runner.skill.schema import shown


@dataclass(frozen=True, slots=True)
class Ask:
    """The inputs that one caller or dependent wants of an installation."""

    who: str
    inputs: Mapping[str, Any]


class Clash(Exception):
    """Two values that cannot hold at once."""


def together(change: Change, one: Any, other: Any) -> Any:
    """A value that holds both; Clash when there is none."""
    if one == other:
        return one
    if change != "refuse" and isinstance(one, list) and isinstance(other, list):
        return [*one, *(item for item in other if item not in one)]
    if change != "refuse" and isinstance(one, Mapping) and isinstance(other, Mapping):
        both = {k: together(change, one[k], other[k]) for k in one if k in other}
        return {**one, **other, **both}
    if change == "grow" and grows(one, other):
        return other
    if change == "grow" and grows(other, one):
        return one
    raise Clash


def combine(skill: Skill, what: Installation | str, asks: Sequence[Ask]) -> dict[str, Any]:
    """The inputs that hold for all; Refused with every clash of `what`, and who wants what."""
    values: dict[str, Any] = {}
    clashes: list[str] = []
    for ask in asks:
        for name, value in ask.inputs.items():
            try:
                values[name] = (
                    together(_change(skill, name), values[name], value) if name in values else value
                )
            except Clash:
                clashes.append(name)
    if clashes:
        lines = [_clash(name, asks) for name in dict.fromkeys(clashes)]
        raise Refused(
            f"{what} is asked for inputs that contradict each other",
            listed=lines,
            hint="Make them agree, or give one its own installation: --use ALIAS=NAMESPACE/NAME.",
        )
    return values


def _clash(name: str, asks: Sequence[Ask]) -> str:
    wanted = [f"{shown(a.inputs[name])} for {a.who}" for a in asks if name in a.inputs]
    return f"{name}: {', '.join(wanted)}"


def _change(skill: Skill, name: str) -> Change:
    return skill.inputs[name].change if name in skill.inputs else "refuse"


def onto(skill: Skill, old: Record, wants: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be given so that an installation has what is wanted, and keeps the rest.

    Empty when it fits as it is. A value that clashes is taken as wanted: whether it may change so
    is for `changes` to say.
    """
    needed: dict[str, Any] = {}
    for name, value in wants.items():
        if name not in old.inputs:
            needed[name] = value
            continue
        try:
            both = together(_change(skill, name), old.inputs[name], value)
        except Clash:
            both = value
        if both != old.inputs[name]:
            needed[name] = both
    return needed


def clashing(skill: Skill, old: Record, wants: Mapping[str, Any]) -> tuple[str, ...]:
    """The inputs in which an existing installation has something else, and neither holds both."""
    names = []
    for name, value in wants.items():
        try:
            if name in old.inputs:
                together(_change(skill, name), old.inputs[name], value)
        except Clash:
            names.append(name)
    return tuple(names)
