"""Files that skill.yaml names: inside the skill's folder, real, readable; and their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from skill_runner.skill.shipped import home_of

MAX_TEXT: Final = 1_000_000
MAX_FILES: Final = 5_000  # of one chart or recipe


class FileFault(ValueError):
    """An explanation why a named file cannot be used."""


def find(folder: Path, name: str, *, directory: bool = False) -> Path:
    """The file or directory `name` of the skill, or of those that it shares with others; FileFault
    when it is elsewhere or missing."""
    folder, inside = home_of(folder, name)
    path = Path(inside)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise FileFault(f"'{name}' must be a path inside the skill's folder")
    full = folder / path
    if not full.exists():
        near = _siblings(folder, full)
        raise FileFault(f"'{name}' does not exist{near}")
    if not full.resolve().is_relative_to(folder.resolve()):
        raise FileFault(f"'{name}' is a link that leaves the skill's folder")
    if directory and not full.is_dir():
        raise FileFault(f"'{name}' is a file, a folder was expected")
    if not directory and not full.is_file():
        raise FileFault(f"'{name}' is a folder, a file was expected")
    return full


def read_text(folder: Path, name: str) -> str:
    """The text of a file of the skill."""
    path = find(folder, name)
    if path.stat().st_size > MAX_TEXT:
        raise FileFault(f"'{name}' is larger than {MAX_TEXT:,} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FileFault(f"'{name}' is not UTF-8 (byte {error.start})") from None


def digest(folder: Path, name: str) -> str:
    """SHA-256 over the paths, modes of execution and bytes of a file or directory of the skill."""
    total = hashlib.sha256()
    for path in _walk(folder, folder / name):
        relative = path.relative_to(folder).as_posix()
        executable = "x" if path.stat().st_mode & 0o100 else "-"
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{relative}\0{executable}\0{content}\n".encode())
    return total.hexdigest()


def _walk(folder: Path, path: Path) -> Iterator[Path]:
    """The files beneath `path` in one order; FileFault for links that leave the folder."""
    if path.is_file():
        yield path
        return
    root = folder.resolve()
    files = sorted(p for p in path.rglob("*") if "__pycache__" not in p.parts)
    if len(files) > MAX_FILES:
        raise FileFault(f"'{path.name}' holds more than {MAX_FILES:,} files")
    for entry in files:
        if entry.is_symlink() and not entry.resolve().is_relative_to(root):
            name = entry.relative_to(folder).as_posix()
            raise FileFault(f"'{name}' is a link that leaves the skill's folder")
        if entry.is_file():
            yield entry


def _siblings(folder: Path, missing: Path) -> str:
    parent = missing.parent
    if not parent.is_dir() or not parent.resolve().is_relative_to(folder.resolve()):
        return ""
    names = sorted(entry.name for entry in parent.iterdir() if not entry.name.startswith("."))
    return f" (there: {', '.join(names[:8])})" if names else ""
