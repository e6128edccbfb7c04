"""A rule set as a value: its rules by id, their exceptions, and the questions of its document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from skill_runner.compliance.model import Rule, Services, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """An object that may break a rule, why, and until when; `*` stands for any text.

    `where` is the file and line, for messages.
    """

    resource: str
    reason: str
    until: date | None = None
    where: str = ""

    def covers(self, resource: str) -> bool:
        """Tell whether it is about this `Kind namespace/name[ container name]`."""
        whole = resource.partition(" container ")[0]
        return any(fnmatchcase(name, self.resource) for name in (resource, whole))

    def expired(self, today: date) -> bool:
        return self.until is not None and self.until < today


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One rule of a set: which check answers it, in the words of the set's own document."""

    id: str
    rule: Rule
    title: str
    section: str
    severity: Severity = "error"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    exceptions: tuple[Allowance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One line of the document's own checklist, and the rules that answer it."""

    asks: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Governance:
    """A rule set. `outside` are namespaces that its document is not about, as patterns."""

    name: str
    title: str
    rulings: tuple[Ruling, ...]
    checklist: tuple[Question, ...] = ()
    services: Services = field(default_factory=Services)
    outside: tuple[str, ...] = ()

    def is_outside(self, namespace: str) -> bool:
        return any(fnmatchcase(namespace, each) for each in self.outside)
