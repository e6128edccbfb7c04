"""Which commands of the documentation a test runs, and why not each of the others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tests.support.pages import Line

# Pages that a test follows on a real cluster, command by command, as they are written.
FOLLOWED: Final = frozenset({"docs/tutorial/first-kafka.md", "docs/howto/write-a-skill.md"})

# Commands that need neither cluster nor network: run from an installed wheel, page by page.
_OFFLINE: Final = re.compile(
    r"skill (list|new|export|images list|doctor|--version|describe (?!\S+ --rbac)|validate)\b"
)


@dataclass(frozen=True, slots=True)
class Unrun:
    """Commands that no test runs as they are written: a pattern, the reason, where it is tested."""

    pattern: str
    reason: str
    tests: tuple[str, ...] = ()
    page: str = ""
    also_followed: bool = False  # not run on pages that are followed, either

    def fits(self, line: Line) -> bool:
        """Return True when the row is about this command."""
        text = " ".join(line.text.split())
        return line.page.endswith(self.page) and bool(re.match(self.pattern, text))


def runs_offline(line: Line) -> bool:
    """Return True when the command needs neither a cluster nor a network."""
    text = " ".join(line.words)
    return bool(_OFFLINE.match(text)) and not re.search(r"\b[A-Z]{3,}\b", text)


_INDEX = "the package index: tests/packaging installs the wheel of this tree in its place"
_MINUTES = "its installation takes minutes: its inputs are checked, and the skill itself is run by"
_NO_REGISTRY = "a registry, or what lies in one, that tests do not have"
_TOOL = "a program of somebody else that tests do not install"

UNRUN: Final = (
    Unrun(
        r"skill (compliance|drift)|skill run fastapi-dapr-agent --governance",
        "it asks a cluster: its rules, rights and evidence have tests of their own",
        ("tests/unit/actions/compliance", "tests/unit/installations/test_drift.py"),
    ),
    Unrun(r"make ", "it is what runs the tests"),
    Unrun(
        r"pip (install|uninstall)|python3 -m venv|pipx |uv ",
        _INDEX,
        ("tests/packaging",),
        also_followed=True,
    ),
    Unrun(r"command -v ", "it answers about the caller's own PATH"),
    Unrun(r"rm -r ", "it deletes the caches of whoever runs the tests"),
    Unrun(r"(claude|codex|docker|kubectl|kafka-configs.sh) ", _TOOL),
    Unrun(r"export ", "a setting of the caller's shell"),
    Unrun(r"skill mcp", "a server that ends with its client", ("tests/unit/agents",)),
    Unrun(
        r"skill cluster ",
        "a cluster beside the tests' own, under the name that a person uses",
        ("tests/integration/embedded", "tests/unit/clusters"),
        also_followed=True,
    ),
    Unrun(r"skill images (build|load|push)", _NO_REGISTRY, ("tests/unit/images",)),
    Unrun(r"skill report ", "a run of its own", ("tests/unit/cli/commands/test_report.py",)),
    Unrun(r"skill debug ", "a history of its own", ("tests/unit/cli/commands/test_debug.py",)),
    Unrun(r"skill (up|down) ", "a platform of minutes", ("tests/integration/test_graph.py",)),
    Unrun(r"skill status$", "it is run by first-kafka.md's test", ("tests/integration/documents",)),
    Unrun(r"skill \w+ .*registry\.example\.org", _NO_REGISTRY),
    Unrun(r"skill (run|plan|why|remove) kafka-k8s", _MINUTES, ("tests/skills/kafka",)),
    Unrun(r"skill run strimzi-operator", _MINUTES, ("tests/skills/kafka",)),
    Unrun(r"skill run postgres-k8s", _MINUTES, ("tests/skills/postgres",)),
    Unrun(r"skill run cnpg-operator", _MINUTES, ("tests/skills/postgres",)),
    Unrun(r"printf .* skill run postgres", _MINUTES, ("tests/skills/postgres",)),
    Unrun(r"skill run redis-k8s", _MINUTES, ("tests/skills/redis",)),
    Unrun(r"skill run dapr-k8s", _MINUTES, ("tests/skills/dapr",)),
    Unrun(r"skill run schema-registry", _MINUTES, ("tests/skills/schema_registry",)),
    Unrun(r"skill run kong-k8s", _MINUTES, ("tests/skills/kong",)),
    Unrun(r"skill run argocd-k8s", _MINUTES, ("tests/skills/argocd",)),
    Unrun(
        r"skill (render|verify) .*deploy |git add deploy",
        "a repository that Argo CD reaches; one in the cluster stands for it",
        ("tests/skills/argocd/test_delivery.py",),
    ),
    Unrun(r"skill run docusaurus", _MINUTES, ("tests/skills/docusaurus",)),
    Unrun(r"skill run nextjs", _MINUTES, ("tests/skills/nextjs",)),
    Unrun(r"skill (run|plan) fastapi", _MINUTES, ("tests/skills/fastapi",)),
    Unrun(r"skill remove lessons", _MINUTES, ("tests/skills/fastapi",)),
    Unrun(
        r"\(cd lessons ",
        "the index of Python packages",
        ("tests/unit/images/apps/test_scaffolds.py",),
    ),
    Unrun(
        r"skill (plan|run) \./lesson-service",
        "a skill of the reader",
        ("tests/unit/actions/requirements",),
    ),
    Unrun(r"skill describe \S+ --rbac", "a cluster's rights", ("tests/skills/test_restricted.py",)),
)


def is_followed(line: Line) -> bool:
    """Return True when the test that follows the line's page runs it."""
    return line.page in FOLLOWED and not any(row.fits(line) for row in UNRUN if row.also_followed)
