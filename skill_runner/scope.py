"""The installations that a command may concern: handed to a worker by whoever started it.

An MCP server confines its agents to skills and namespaces. What a command touches is known only
when it has read the cluster's records, so the worker itself checks, before anything is done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from skill_runner.errors import Refused, UsageError

VARIABLE: Final = "SKILL_SCOPE"  # of a worker: the JSON of its Scope


@dataclass(frozen=True, slots=True)
class Scope:
    """The allowed skills and namespaces; empty means no limit."""

    skills: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    @staticmethod
    def here(environ: Mapping[str, str] = os.environ) -> Scope:
        """The scope of this process; UsageError when it cannot be read, so that none is lost."""
        text = environ.get(VARIABLE)
        return Scope.parse(text) if text else Scope()

    @staticmethod
    def parse(text: str) -> Scope:
        """The scope from its text; UsageError for anything else."""
        try:
            found = json.loads(text)
            return Scope(tuple(map(str, found["skills"])), tuple(map(str, found["namespaces"])))
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(f"{VARIABLE} is not a scope: {text[:80]!r}") from error

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    def allows(self, installation: str, skill: str) -> bool:
        """Tell whether a command may concern this `namespace/name`, made by this skill."""
        namespace = installation.partition("/")[0]
        return (not self.skills or skill in self.skills) and (
            not self.namespaces or namespace in self.namespaces
        )

    def contains(self, other: Scope) -> bool:
        """Tell whether everything that the other one allows is allowed here."""
        return _within(other.skills, self.skills) and _within(other.namespaces, self.namespaces)

    def check(self, installation: str, skill: str) -> None:
        """Refused for an installation, by its record, that is not allowed."""
        self.check_namespace(installation.partition("/")[0], installation)
        self.check_skill(skill, installation)

    def check_skill(self, skill: str, about: str = "") -> None:
        """Refused for a skill that is not among the allowed."""
        if self.skills and skill not in self.skills:
            what = f"{about} is an installation of {skill}, which" if about else f"skill {skill!r}"
            raise Refused(
                f"{what} is not allowed here",
                hint=f"Allowed by --allow-skill: {', '.join(self.skills)}",
            )

    def check_namespace(self, namespace: str, about: str = "") -> None:
        """Refused for a namespace that is not among the allowed."""
        if self.namespaces and namespace not in self.namespaces:
            what = f"{about} is in namespace {namespace}, which" if about else f"{namespace!r}"
            raise Refused(
                f"{what} is not allowed here",
                hint=f"Allowed by --namespace: {', '.join(self.namespaces)}",
            )

    def check_whole(self, namespace: str = "") -> None:
        """Refused for all of a namespace, or of the cluster, where only some of it is allowed."""
        if namespace:
            self.check_namespace(namespace)
        if self.skills or (self.namespaces and not namespace):
            allowed = ", ".join((*self.skills, *self.namespaces))
            raise Refused(
                f"looking at everything in {namespace or 'the cluster'} is not allowed here",
                hint=f"Name one installation and its namespace. Allowed: {allowed}",
            )


OPEN: Final = Scope()


def _within(some: tuple[str, ...], limit: tuple[str, ...]) -> bool:
    return not limit or (bool(some) and set(some) <= set(limit))
