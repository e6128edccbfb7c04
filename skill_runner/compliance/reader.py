"""A governance file into a Governance: every mistake at once, each with its line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from skill_runner.compliance.governance import Allowance, Governance, Question, Ruling
from skill_runner.compliance.model import Rule, Services
from skill_runner.compliance.python_rules import load_rules
from skill_runner.compliance.rules import TABLE
from skill_runner.errors import SkillFileError
from skill_runner.skill.schema import faults
from skill_runner.skill.suggest import did_you_mean
from skill_runner.skill.yaml_file import mistakes, placed, read_file
from skill_runner.skill.yaml_source import Document
from skill_runner.skill.yaml_source import Path as Place

SHIPPED: Final = Path(__file__).parent / "sets"
DEFAULT: Final = "learnflow"


@cache
def governance_schema() -> Mapping[str, Any]:
    """The JSON Schema (2020-12) of a governance file."""
    text = files("skill_runner.compliance").joinpath("governance.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def find_governance(named: str) -> Governance:
    """A shipped rule set by its name, or the one of a file."""
    shipped = SHIPPED / f"{named}.yaml"
    if shipped.parent == SHIPPED and shipped.is_file():
        return read_governance(shipped)
    if not Path(named).exists() and not named.endswith((".yaml", ".yml")):
        known = sorted(file.stem for file in SHIPPED.glob("*.yaml"))
        raise SkillFileError(f"no rule set {named!r}{did_you_mean(named, known)}")
    return read_governance(Path(named))


def read_governance(file: Path) -> Governance:
    """The rule set of a file. SkillFileError with every mistake in it."""
    document = read_file(file, "the rule set")
    reading = _Reading(file, document, [(f.mark, f.message) for f in document.faults])
    for fault in faults(document.data, governance_schema()):
        reading.report(fault.path, fault.message)
    found = reading.governance() if isinstance(document.data, dict) else None
    if reading.problems or found is None:
        raise mistakes(f"the rule set {file}", placed(file, reading.problems))
    return found


@dataclass(slots=True)
class _Reading:
    file: Path
    document: Document
    problems: list[Any]

    def report(self, path: Place, message: str) -> None:
        self.problems.append((self.document.mark(path), message))

    def governance(self) -> Governance:
        data = self.document.data
        base = self._base(data.get("extends"))
        table = {**TABLE, **self._own_rules(data.get("python"))}
        rulings = {each.id: each for each in base.rulings}
        for ruling in self._rulings(table, rulings):
            rulings[ruling.id] = ruling
        made = data.get("services")
        services = made if isinstance(made, dict) else {}
        return Governance(
            name=str(data.get("name", "")),
            title=str(data.get("title") or base.title),
            rulings=tuple(rulings.values()),
            checklist=tuple(self._questions(rulings)) or base.checklist,
            services=Services(
                namespaces=tuple(_texts(services.get("namespaces"), base.services.namespaces)),
                skills=tuple(_texts(services.get("skills"), base.services.skills)),
            ),
            outside=tuple(_texts(data.get("outside"), base.outside)),
        )

    def _base(self, named: Any) -> Governance:
        empty = Governance(name="", title="", rulings=())
        if not isinstance(named, str):
            return empty
        known = sorted(file.stem for file in SHIPPED.glob("*.yaml"))
        if named not in known:
            self.report(("extends",), f"no rule set {named!r} ships{did_you_mean(named, known)}")
            return empty
        return read_governance(SHIPPED / f"{named}.yaml")

    def _own_rules(self, folder: Any) -> Mapping[str, Rule]:
        if not isinstance(folder, str):
            return {}
        found = load_rules(self.file.resolve().parent / folder)
        for problem in found.problems:
            self.report(("python",), problem)
        return found.rules

    def _rulings(self, table: Mapping[str, Rule], base: Mapping[str, Ruling]) -> Iterator[Ruling]:
        listed = self.document.data.get("rules")
        seen: dict[str, int] = {}
        for index, entry in enumerate(listed if isinstance(listed, list) else ()):
            if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
                continue
            path, name = ("rules", index), entry["id"]
            if name in seen:
                self.report((*path, "id"), f"the rule {name} is there already (line {seen[name]})")
            seen.setdefault(name, self.document.mark(path).line)
            if ruling := self._ruling(entry, path, table, base.get(name)):
                yield ruling

    def _ruling(
        self,
        entry: Mapping[str, Any],
        path: Place,
        table: Mapping[str, Rule],
        base: Ruling | None,
    ) -> Ruling | None:
        named = str(entry.get("rule") or (base.rule.name if base else entry["id"]))
        rule = table.get(named)
        if rule is None:
            key = "rule" if "rule" in entry else "id"
            mean = did_you_mean(named, table, known="rules")
            self.report((*path, key), f"there is no rule '{named}'{mean}")
            return None
        given = self._parameters(rule, entry.get("parameters"), (*path, "parameters"))
        before = base.parameters if base and base.rule.name == rule.name else {}
        title = base.title if base else rule.asks.rstrip(".")
        made = Ruling(
            id=entry["id"],
            rule=rule,
            title=str(entry.get("title") or title),
            section=str(entry.get("section") or (base.section if base else "")),
            severity="warning" if entry.get("severity") == "warning" else "error",
            parameters=rule.with_defaults({**before, **given}),
            exceptions=(*(base.exceptions if base else ()), *self._exceptions(entry, path)),
        )
        return replace(made, severity=base.severity) if base and "severity" not in entry else made

    def _parameters(self, rule: Rule, given: Any, path: Place) -> Mapping[str, Any]:
        if not isinstance(given, dict):
            return {}
        for name, value in given.items():
            schema = rule.parameters.get(name)
            if schema is None:
                mean = did_you_mean(name, rule.parameters, known="it takes")
                mean = mean if rule.parameters else "; it takes none"
                self.report((*path, name), f"{rule.name} has no parameter '{name}'{mean}")
                continue
            for fault in faults(value, schema):
                self.report((*path, name, *fault.path), f"{name}: {fault.message}")
        return given

    def _exceptions(self, entry: Mapping[str, Any], path: Place) -> Iterator[Allowance]:
        listed = entry.get("exceptions")
        for index, each in enumerate(listed if isinstance(listed, list) else ()):
            if not isinstance(each, dict):
                continue
            here = (*path, "exceptions", index)
            until = None
            if isinstance(text := each.get("until"), str):
                try:
                    until = date.fromisoformat(text)
                except ValueError:
                    self.report((*here, "until"), f"until: {text} is not a day of the calendar")
            yield Allowance(
                resource=str(each.get("object", "")),
                reason=str(each.get("reason", "")),
                until=until,
                where=f"{self.file}:{self.document.mark(here).line}",
            )

    def _questions(self, rulings: Mapping[str, Ruling]) -> Iterator[Question]:
        listed = self.document.data.get("checklist")
        for index, each in enumerate(listed if isinstance(listed, list) else ()):
            names = each.get("rules") if isinstance(each, dict) else None
            if not isinstance(names, list):
                continue
            for place, name in enumerate(names):
                if str(name) not in rulings:
                    mean = did_you_mean(str(name), rulings, known="rules")
                    path = ("checklist", index, "rules", place)
                    self.report(path, f"the set has no rule '{name}'{mean}")
            yield Question(asks=str(each.get("asks", "")), rules=tuple(map(str, names)))


def _texts(value: Any, default: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else default
