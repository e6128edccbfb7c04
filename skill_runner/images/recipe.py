"""A recipe: how the layout of an official image is made from packages, as frozen data.

`recipe.yaml` names the ingredients; the Containerfile beside it puts them together. Its digest,
over every file of the folder, is the tag of what it makes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from skill_runner.binaries.catalogue import Build
from skill_runner.errors import SkillFileError

LOCAL_PREFIX: Final = "skill.local"  # never a registry: only what was loaded has this name
FILE: Final = "recipe.yaml"
KNOWN: Final = frozenset({"debian", "maven", "npm", "go"})
GO_KEYS: Final = frozenset({"tags", "stamps"})
DIGITS: Final = 12  # hex digits of a digest in a tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """`packages` of a Debian `suite` make rootfs.tar; `artifacts` of Maven make jars/; the tools
    of a Go module, the recipe's own go.mod and go.sum, make bin/.

    `modules` of npm are unpacked into npm/NAME/ (`{arch}` is this machine's, as Node calls it).
    """

    folder: Path
    suite: str = ""
    packages: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    modules: tuple[tuple[str, str], ...] = ()
    go: Build | None = None
    digest: str = ""

    @property
    def containerfile(self) -> Path:
        return self.folder / "Containerfile"


def load_recipe(folder: Path) -> Recipe:
    """Read a recipe's folder; SkillFileError names what is missing or unknown."""
    path = folder / FILE
    try:
        data: Any = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise SkillFileError(f"{folder}: a recipe needs a {FILE}") from error
    except yaml.YAMLError as error:
        raise SkillFileError(f"{path}: not YAML: {error}") from error
    if not isinstance(data, dict) or set(data) - KNOWN:
        unknown = ", ".join(sorted(set(data) - KNOWN)) if isinstance(data, dict) else "no mapping"
        raise SkillFileError(f"{path}: expected {', '.join(sorted(KNOWN))}; found {unknown}")
    if not (folder / "Containerfile").is_file():
        raise SkillFileError(f"{folder}: a recipe needs a Containerfile")
    debian = data.get("debian") or {}
    return Recipe(
        folder=folder,
        suite=str(debian.get("suite", "")),
        packages=tuple(debian.get("packages") or ()),
        artifacts=tuple(data.get("maven") or ()),
        modules=tuple(sorted((data.get("npm") or {}).items())),
        go=_go(data["go"], path) if "go" in data else None,
        digest=digest_of(folder),
    )


def _go(data: Any, path: Path) -> Build:
    data = data or {}
    if not isinstance(data, dict) or set(data) - GO_KEYS:
        raise SkillFileError(f"{path}: go: expected {', '.join(sorted(GO_KEYS))}; found {data!r}")
    for name in ("go.mod", "go.sum"):
        if not (path.parent / name).is_file():
            raise SkillFileError(f"{path.parent}: a recipe with `go:` needs a {name}")
    return Build(stamps=tuple(data.get("stamps") or ()), tags=tuple(data.get("tags") or ()))


def digest_of(folder: Path) -> str:
    """Twelve hex digits over the names, modes and contents of every file."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        executable = "x" if path.stat().st_mode & 0o100 else "-"
        digest.update(f"{path.relative_to(folder)}\0{executable}\0".encode())
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:DIGITS]


def local_ref(official: str, digest: str) -> str:
    """The name of what a recipe makes: docker.io/apache/kafka:4.3.1 -> skill.local/kafka:4.3.1-…"""
    bare = official.partition("@")[0]
    head, _, tag = bare.rpartition(":")
    name = (head if head and "/" not in tag else bare).rsplit("/", 1)[-1]
    version = f"{tag}-" if head and "/" not in tag else ""
    return f"{LOCAL_PREFIX}/{name}:{version}{digest}"
