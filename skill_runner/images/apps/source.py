"""A source folder as the list of files that go into a build, their digest, and a bound on size."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Final

from skill_runner.errors import UsageError
from skill_runner.images.apps.ignore import FILE, NEVER_RULES, Rules, rules_of
from skill_runner.images.apps.inside import open_inside, path_inside
from skill_runner.images.recipe import DIGITS

MAX_BYTES: Final = 256 << 20
MAX_FILES: Final = 50_000


def list_files(folder: Path) -> tuple[str, ...]:
    """The files that belong to the application, sorted, relative, with /.

    A link to a file or folder of the source counts as what it leads to. UsageError for one that
    leads elsewhere, and for a folder that is too large to be a source, naming what to leave out.
    """
    found, sizes, total = [], Counter[str](), 0
    for name, size in _Walk(folder, folder.resolve(), rules_of(folder)).files():
        found.append(name)
        total += size
        sizes[_part(name)] += size
        if len(found) > MAX_FILES:
            raise _too_large(folder, f"more than {MAX_FILES:,} files", sizes)
    if total > MAX_BYTES:
        raise _too_large(folder, f"{total / 2**20:,.0f} MiB", sizes)
    return tuple(sorted(found))


@dataclass(slots=True)
class _Walk:
    """One look at a source folder; `root` is its own path, without links."""

    folder: Path
    root: Path
    rules: Rules
    entries: int = 0

    def files(self) -> Iterator[tuple[str, int]]:
        """Each regular file that belongs to the application, with its size."""
        waiting: list[tuple[str, tuple[str, ...]]] = [("", ())]
        while waiting:
            at, above = waiting.pop()
            real = path_inside(self.folder, self.root, at)
            if real in above:
                raise UsageError(
                    f"the source {self.folder}: {at} is a link to a folder that holds it",
                    hint=f"Remove the link, or leave it out: a line in {self.folder / FILE}.",
                )
            try:
                with os.scandir(self.root / real) as entries:
                    for entry in entries:
                        name, place = (f"{f}/{entry.name}".lstrip("/") for f in (at, real))
                        if not self._is_wanted(entry, name, place):
                            continue
                        if entry.is_dir():
                            waiting.append((name, (*above, real)))
                        elif entry.is_file() and not self.rules.leaves_out(name):
                            yield name, entry.stat().st_size
            except OSError as error:
                raise UsageError(
                    f"the source {self.folder}: {at or 'it'} cannot be read: {error.strerror}"
                ) from error

    def _is_wanted(self, entry: os.DirEntry[str], name: str, place: str) -> bool:
        """Tell whether to look at an entry, which is at `place` without links; links are followed
        only to what may go along."""
        self._count()
        if NEVER_RULES.leaves_out(name) or NEVER_RULES.leaves_out(place):
            return False
        out = self.rules.leaves_out(name)
        if entry.is_symlink():
            if not out:
                path_inside(self.folder, self.root, name)
            return not out
        return not out or self.rules.may_bring_back()

    def _count(self) -> None:
        self.entries += 1
        if self.entries > 20 * MAX_FILES:  # folders without files, linked again and again
            raise _too_large(self.folder, f"more than {20 * MAX_FILES:,} entries", {})


def _part(path: str) -> str:
    """The first two folders of a path: what a line of .dockerignore would name."""
    parts = path.split("/")
    return "/".join(parts[: min(2, len(parts) - 1)]) or path


def _too_large(folder: Path, size: str, sizes: Mapping[str, int]) -> UsageError:
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    shown = "; the largest parts are" if largest else ""
    return UsageError(
        f"the source {folder} has {size}, at most {MAX_BYTES >> 20} MiB and {MAX_FILES:,} files "
        f"are built{shown}",
        listed=[f"{name}: {number / 2**20:,.0f} MiB" for name, number in largest],
        hint=f"Leave out what the program does not need: a line each in {folder / FILE}.",
    )


def digest_files(folder: Path, files: tuple[str, ...], *more: str) -> str:
    """Twelve hex digits over names, modes and contents, and over `more` texts."""
    total = hashlib.sha256()
    for name in files:
        with open_inside(folder, name) as file:
            executable = "x" if _is_executable(file) else "-"
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{name}\0{executable}\0{content}\n".encode())
    for text in more:
        total.update(f"\0{len(text)}\0{text}".encode())
    return total.hexdigest()[:DIGITS]


def copy_files(folder: Path, files: tuple[str, ...], target: Path) -> None:
    """The files into the build's own copy; of their modes, what the digest covers."""
    for name in files:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_inside(folder, name) as file, path.open("wb") as copy:
            shutil.copyfileobj(file, copy)
            path.chmod(0o755 if _is_executable(file) else 0o644)


def _is_executable(file: BufferedReader) -> bool:
    return bool(os.fstat(file.fileno()).st_mode & 0o100)
