"""Rules of a user's own: Python files of one folder, each with pure functions over objects.

    RULES = [
        {
            "name": "team-label",
            "asks": "Every Deployment names its team.",
            "why": "Somebody has to be asked.",
            "remedy": "Set metadata.labels.team.",
            "kinds": ["apps/v1 Deployment"],
            "look": lambda obj, scene, parameters: ...,   # yields (field, value, message)
        }
    ]

They run with the rights of whoever calls `skill compliance`, as hooks of skills do.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skill_runner.compliance.model import Finding, Kind, Parameters, Rule, Scene
from skill_runner.compliance.rules import TABLE
from skill_runner.compliance.rules.tools import every, found
from skill_runner.errors import SkillError
from skill_runner.objects import Object
from skill_runner.skill.schema import schema_fault
from skill_runner.text.quoting import excerpt

_REQUIRED: Final = ("name", "asks", "why", "remedy", "kinds", "look")
_KEYS: Final = frozenset({*_REQUIRED, "parameters", "on_plans"})


class RuleFailed(SkillError):
    """A rule of the user's raised, or yielded something else than evidence."""

    code = "RULE_FAILED"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rules of a folder by name, and the mistakes in it."""

    rules: Mapping[str, Rule]
    problems: tuple[str, ...]


def load_rules(folder: Path) -> Loaded:
    """Run every Python file of a folder, in the order of their names, and take its RULES."""
    if not folder.is_dir():
        return Loaded({}, (f"there is no folder {folder}",))
    rules: dict[str, Rule] = {}
    problems: list[str] = []
    for file in sorted(folder.glob("*.py")):
        try:
            listed = runpy.run_path(str(file)).get("RULES")
        except Exception as error:  # whatever a file of somebody else's raises
            problems.append(f"{file}: {type(error).__name__}: {excerpt(error)}")
            continue
        if not isinstance(listed, list | tuple):
            problems.append(f"{file}: it has no list RULES")
            continue
        for number, each in enumerate(listed):
            problem = _problem(each, rules)
            if problem:
                problems.append(f"{file}: RULES[{number}]: {problem}")
            else:
                rules[each["name"]] = _rule(each, file)
    return Loaded(rules, tuple(problems))


def _problem(given: Any, known: Mapping[str, Rule]) -> str:
    """Say why something is no rule; empty when it is one."""
    if not isinstance(given, dict):
        return "expected a mapping"
    if missing := [key for key in _REQUIRED if key not in given]:
        return f"{', '.join(missing)} missing"
    if more := sorted(set(given) - _KEYS):
        return f"unknown {', '.join(map(str, more))}"
    if texts := [key for key in _REQUIRED[:4] if not isinstance(given[key], str) or not given[key]]:
        return f"{', '.join(texts)}: expected text"
    if given["name"] in TABLE or given["name"] in known:
        return f"there is a rule {given['name']} already"
    if not callable(given["look"]):
        return "look: expected a function (object, scene, parameters)"
    kinds = given["kinds"]
    if not isinstance(kinds, list | tuple) or not kinds or not all(map(_is_kind, kinds)):
        return "kinds: expected a list such as ['apps/v1 Deployment']"
    return _parameter_problem(given.get("parameters", {}))


def _is_kind(text: Any) -> bool:
    return isinstance(text, str) and len(text.split()) == 2


def _parameter_problem(parameters: Any) -> str:
    if not isinstance(parameters, dict):
        return "parameters: expected a mapping of JSON Schemas"
    for name, schema in parameters.items():
        if not isinstance(schema, dict) or "default" not in schema:
            return f"parameters.{name}: expected a JSON Schema with a default"
        if fault := schema_fault(schema):
            return f"parameters.{name}: {fault}"
    return ""


def _rule(given: Mapping[str, Any], file: Path) -> Rule:
    kinds = tuple(_kind(text) for text in given["kinds"])
    return Rule(
        name=given["name"],
        asks=given["asks"],
        why=given["why"],
        remedy=given["remedy"],
        reads=kinds,
        subjects=every(*kinds),
        look=_guarded(given["look"], given["name"], file),
        parameters=given.get("parameters", {}),
        on_plans=bool(given.get("on_plans", True)),
    )


def _kind(text: str) -> Kind:
    version, kind = text.split()
    return version, kind


def _guarded(
    look: Callable[[Object, Scene, Parameters], Iterable[Any]], name: str, file: Path
) -> Callable[[Object, Scene, Parameters], Iterator[Finding]]:
    def guarded(obj: Object, scene: Scene, parameters: Parameters) -> Iterator[Finding]:
        try:
            for field, value, message in look(obj, scene, parameters) or ():
                yield found(obj, str(field), value, str(message))
        except Exception as error:  # whatever a rule of somebody else's raises
            raise RuleFailed(
                f"the rule {name} of {file} failed: {type(error).__name__}: {excerpt(error)}",
                hint="A rule yields (field, value, message) for what breaks it.",
            ) from error

    return guarded
