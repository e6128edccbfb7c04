"""Choose the files of a source folder that belong to an application: .dockerignore, or our list.

The rules are Docker's (https://docs.docker.com/build/concepts/context/#dockerignore-files):
patterns from the root, the last one that matches decides, `!` brings back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skill_runner.errors import UsageError
from skill_runner.text.patterns import Pattern, PatternError, compile_pattern, quoted

FILE: Final = ".dockerignore"
# What stands in for a .dockerignore: made anew by the build, or about the work and not the program.
DEFAULT: Final = (
    ".git",
    ".github",
    ".vscode",
    ".idea",
    "**/.DS_Store",
    "**/node_modules",
    "**/.next",
    "**/.docusaurus",
    "build",
    "dist",
    "out",
    "coverage",
    "**/.venv",
    "venv",
    "**/__pycache__",
    "**/.pytest_cache",
    "**/.mypy_cache",
    "**/.ruff_cache",
    "**/*.egg-info",
    ".pnpm-store",
    "**/*.log",
    "**/*.tsbuildinfo",
)
# Whatever a .dockerignore says: logins and keys are for mounts and Secrets, never for a layer.
NEVER: Final = (
    ".git",
    "**/node_modules",
    "**/.env",
    "**/.env.*",
    "!**/.env.example",
    "**/.npmrc",
    "**/.pypirc",
    "**/.netrc",
    "**/_netrc",
    "**/.git-credentials",
    "**/.ssh",
    "**/.gnupg",
    "**/id_rsa",
    "**/id_dsa",
    "**/id_ecdsa",
    "**/id_ed25519",
    "**/*.pem",
    "**/*.key",
    "**/*.ppk",
    "**/*.p12",
    "**/*.pfx",
    "**/*.jks",
    "**/*.keystore",
    "**/.aws",
    "**/.azure",
    "**/.kube",
    "**/.config/gcloud",
    "**/.docker/config.json",
    "**/.dockercfg",
    "**/.pgpass",
    "**/.my.cnf",
)


@dataclass(frozen=True, slots=True)
class Rules:
    """Compiled patterns in order; `keep` is true for those that begin with `!`."""

    patterns: tuple[tuple[Pattern, bool], ...]

    def leaves_out(self, path: str) -> bool:
        """Tell whether a path (relative, with /) or a folder above it is left out."""
        out = False
        for pattern, keep in self.patterns:
            if pattern.fullmatch(path):
                out = not keep
        return out

    def may_bring_back(self) -> bool:
        """Tell whether a left-out folder must be looked into all the same."""
        return any(keep for _, keep in self.patterns)


def compile_rules(lines: Iterable[str]) -> Rules:
    """Rules from the lines of a .dockerignore. UsageError names a line that is no pattern."""
    made = []
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        keep = text.startswith("!")
        text = text.lstrip("!").strip().strip("/").removeprefix("./")
        if text and text != ".":
            made.append((_compile(text), keep))
    return Rules(tuple(made))


def rules_of(folder: Path) -> Rules:
    """The folder's own rules, or ours in their place."""
    file = folder / FILE
    own = file.read_text(errors="replace").splitlines() if file.is_file() else DEFAULT
    return compile_rules(own)


def _compile(pattern: str) -> Pattern:
    """A pattern of Go's filepath.Match with `**`; it matches the path and all that is below it."""
    parts = []
    position = 0
    while position < len(pattern):
        rest = pattern[position:]
        if rest.startswith("**/"):
            parts.append("(?:.*/)?")
            position += 3
        elif rest.startswith("**"):
            parts.append(".*")
            position += 2
        elif rest[0] == "[" and "]" in rest[1:]:
            end = rest.index("]", 1)
            parts.append(rest[: end + 1])
            position += end + 1
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(rest[0], quoted(rest[0])))
            position += 1
    try:
        return compile_pattern("(?s)" + "".join(parts) + "(?:/.*)?")
    except PatternError as error:
        raise UsageError(f"{FILE}: {pattern!r} is no pattern: {error}") from error


NEVER_RULES: Final = compile_rules(NEVER)
