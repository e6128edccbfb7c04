"""What the server's owner allows its agents: skills, contexts, namespaces, reading or writing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from skill_runner.errors import Refused

WRITING = frozenset({"run", "verify", "remove"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Permits:
    """Set where the server is started, and never by what an agent says. Empty means no limit,
    but for contexts: with none, only a local cluster is used (see `skill run --help`)."""

    read_only: bool = False
    allow_changes: bool = True
    skills: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    def check_tool(self, tool: str) -> None:
        """Refused when the tool writes and the server only reads."""
        if self.read_only and tool in WRITING:
            raise Refused(
                f"this server only reads, and {tool} writes",
                hint="Its owner started it with --read-only.",
            )

    def check_skill(self, skill: str) -> None:
        """Refused for a skill that is not among the allowed."""
        if self.skills and skill not in self.skills:
            raise Refused(
                f"the skill {skill!r} is not allowed here",
                hint=f"Allowed by --allow-skill: {', '.join(self.skills)}",
            )

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

    def check_installations(self, installations: Iterable[str]) -> None:
        """Refused when one of these `namespace/name` is in a namespace that is not allowed."""
        for each in installations:
            namespace = each.partition("/")[0]
            if self.namespaces and namespace not in self.namespaces:
                raise Refused(
                    f"{each} is in a namespace that is not allowed here",
                    hint=f"Allowed by --namespace: {', '.join(self.namespaces)}",
                )
