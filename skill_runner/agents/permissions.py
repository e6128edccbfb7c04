"""The gate of the MCP server: every call passes it, and what no row of its table allows is refused.

What a call touches in the cluster is known only by the records there: the worker checks that, by
the scope that it is handed (skill_runner.scope).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from skill_runner.errors import Refused
from skill_runner.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The reach of a tool: `writes` to a cluster or ends work, `changes` what is installed;
    `skill` and `namespace` are the arguments that must be allowed before anything is started."""

    writes: bool = False
    changes: bool = False
    skill: str = ""
    namespace: str = ""


RULES: Final[Mapping[str, Rule]] = {
    "list_skills": Rule(),
    "describe_skill": Rule(skill="skill"),
    "plan": Rule(skill="skill", namespace="namespace"),
    "cancel": Rule(writes=True),  # of a run: see `check_run`
    "status": Rule(),  # of a run: see `check_run`; of installations: see `scope`
    "why": Rule(namespace="namespace"),
    "run": Rule(writes=True, skill="skill", namespace="namespace"),  # with --no-change, if need be
    "verify": Rule(writes=True, namespace="namespace"),
    "remove": Rule(writes=True, changes=True, namespace="namespace"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Permits:
    """Set where the server is started, and never by what an agent says. Empty means no limit,
    but for contexts: with none, only a local cluster is used (see `skill run --help`)."""

    read_only: bool = False
    allow_changes: bool = True
    allow_purge: bool = False
    skills: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    @property
    def scope(self) -> Scope:
        """The scope of every worker of this server."""
        return Scope(self.skills, self.namespaces)

    def offers(self, tool: str) -> bool:
        """Tell whether a tool can be used at all."""
        return tool in RULES and not self._forbidden(RULES[tool])

    def check(self, tool: str, asked: Mapping[str, Any]) -> None:
        """The gate: Refused for every call that is not allowed, and for every unknown tool."""
        rule = RULES.get(tool)
        if rule is None:
            raise Refused(
                f"there is no tool {tool!r} here",
                hint=f"There are: {', '.join(each for each in RULES if self.offers(each))}",
            )
        forbidden = self._forbidden(rule)
        if forbidden:
            raise Refused(
                f"{tool} is not allowed here", hint=f"Its owner started this server {forbidden}."
            )
        if asked.get("purge") and not self.allow_purge:
            raise Refused(
                "purge is not allowed here: it would delete data volumes",
                hint="Without `purge` they are kept. The owner of this server may start it with "
                "--allow purge.",
            )
        self.context(_text(asked, "context") or None)
        if rule.skill and asked.get(rule.skill) is not None:
            self.scope.check_skill(_text(asked, rule.skill))
        if rule.namespace and asked.get(rule.namespace) is not None:
            self.scope.check_namespace(_text(asked, rule.namespace))

    def _forbidden(self, rule: Rule) -> str:
        if self.read_only and rule.writes:
            return "with --read-only"
        return "with --no-changes" if rule.changes and not self.allow_changes else ""

    def context(self, asked: str | None) -> str | None:
        """The context to use; None is the local cluster. Refused for one that nobody allowed."""
        if asked is not None and asked not in self.contexts:
            allowed = ", ".join(self.contexts) or "none, so only the local cluster is used"
            raise Refused(
                f"the context {asked!r} is not allowed here",
                hint=f"Allowed by --allow-context: {allowed}",
            )
        if asked is None and len(self.contexts) > 1:
            raise Refused(
                "several contexts are allowed, and none is named",
                hint=f"Name one as `context`: {', '.join(self.contexts)}",
            )
        return asked or next(iter(self.contexts), None)

    def check_run(
        self, run: str, started: Scope, concerned: Sequence[tuple[str, str]], context: str
    ) -> None:
        """Refused for a run that a server with these permits could not have started.

        `started` is the scope of the run, `concerned` the installations that it was about with
        their skills, `context` the cluster's; all as the run's own folder says.
        """
        inside = self.scope.contains(started) or (
            bool(concerned) and all(self.scope.allows(*each) for each in concerned)
        )
        if not inside or (self.contexts and context and context not in self.contexts):
            raise Refused(
                f"the run {run} is about what is not allowed here",
                hint="This server knows the runs of its own skills, namespaces and contexts.",
            )


def _text(asked: Mapping[str, Any], name: str) -> str:
    return str(asked.get(name) or "")
