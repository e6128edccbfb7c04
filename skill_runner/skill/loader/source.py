"""skill.yaml as it was read, not yet trusted: data with lines, and the problems found so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from skill_runner.skill.loader.hookfile import Hook
from skill_runner.skill.yaml_source import Document, Mark
from skill_runner.skill.yaml_source import Path as DataPath

# `wait` is last: it also goes with others.
KINDS: Final = ("release", "apply", "image", "hook", "admits", "wait")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake, and where it is; `file` is relative to the skill's folder."""

    file: str
    mark: Mark
    message: str


@dataclass(slots=True)
class Source:
    """The file that the checks look at. The accessors leave out whatever has the wrong shape."""

    folder: Path
    document: Document
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    hooks_known: bool = True  # False when hooks.py could not be read
    problems: list[Problem] = field(default_factory=list)

    @property
    def data(self) -> Mapping[str, Any]:
        return self.document.data if isinstance(self.document.data, dict) else {}

    def mapping(self, key: str) -> Mapping[str, dict[str, Any]]:
        """The mappings by name under a top-level key."""
        value = self.data.get(key)
        entries = value.items() if isinstance(value, dict) else ()
        return {name: entry for name, entry in entries if isinstance(entry, dict)}

    @property
    def let(self) -> Mapping[str, Any]:
        """The names that the file defines, with their templates."""
        value = self.data.get("let")
        return value if isinstance(value, dict) else {}

    def items(self, key: str) -> Iterator[tuple[DataPath, dict[str, Any]]]:
        """The mappings in a top-level list, each with its path."""
        value = self.data.get(key)
        for index, entry in enumerate(value if isinstance(value, list) else ()):
            if isinstance(entry, dict):
                yield (key, index), entry

    def report(self, path: DataPath, message: str) -> None:
        """A mistake at a path of skill.yaml."""
        self.problems.append(Problem("skill.yaml", self.document.mark(path), message))

    def report_in(self, file: str, mark: Mark, message: str) -> None:
        """A mistake in another file of the skill."""
        self.problems.append(Problem(file, mark, message))

    def lines(self) -> tuple[str, ...]:
        """Every problem once, in the order of files and lines, as `path:line:column: message`."""
        ordered = sorted(set(self.problems), key=lambda p: (p.file != "skill.yaml", p))
        return tuple(f"{self.folder / p.file}:{p.mark}: {p.message}" for p in ordered)


def step_kind(step: Mapping[str, Any]) -> str | None:
    """Return which of KINDS a step is; None when it is none, or more than one."""
    present = [kind for kind in KINDS[:-1] if kind in step]
    if not present and "wait" in step:
        return "wait"
    return present[0] if len(present) == 1 else None


def text(entry: Mapping[str, Any], key: str) -> str | None:
    """The text under a key, None when it is absent or no text."""
    value = entry.get(key)
    return value if isinstance(value, str) else None
