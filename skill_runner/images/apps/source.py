"""A source folder as the list of files that go into a build, their digest, and a bound on size."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from skill_runner.errors import UsageError
from skill_runner.images.apps.ignore import FILE, rules_of
from skill_runner.images.recipe import DIGITS

MAX_BYTES: Final = 256 << 20
MAX_FILES: Final = 50_000


def list_files(folder: Path) -> tuple[str, ...]:
    """The files that belong to the application, sorted, relative, with /.

    UsageError for a folder that is too large to be one, naming what to leave out.
    """
    found, sizes, total = [], Counter[str](), 0
    for name, size in _walk(folder):
        found.append(name)
        total += size
        sizes[_part(name)] += size
        if len(found) > MAX_FILES:
            raise _too_large(folder, f"more than {MAX_FILES:,} files", sizes)
    if total > MAX_BYTES:
        raise _too_large(folder, f"{total / 2**20:,.0f} MiB", sizes)
    return tuple(sorted(found))


def _walk(folder: Path) -> Iterator[tuple[str, int]]:
    own, never = rules_of(folder)
    deep = own.may_bring_back()
    for at, below, names in os.walk(folder):
        base = Path(at).relative_to(folder).as_posix()
        prefix = "" if base == "." else f"{base}/"
        below[:] = [
            name
            for name in below
            if not never.leaves_out(prefix + name) and (deep or not own.leaves_out(prefix + name))
        ]
        for name in names:
            path = prefix + name
            full = Path(at) / name
            if never.leaves_out(path) or own.leaves_out(path) or not full.is_file():
                continue
            yield path, full.stat().st_size


def _part(path: str) -> str:
    """The first two folders of a path: what a line of .dockerignore would name."""
    parts = path.split("/")
    return "/".join(parts[: min(2, len(parts) - 1)]) or path


def _too_large(folder: Path, size: str, sizes: Mapping[str, int]) -> UsageError:
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    lines = "".join(f"\n  {name}: {number / 2**20:,.0f} MiB" for name, number in largest)
    return UsageError(
        f"the source {folder} has {size}, at most {MAX_BYTES >> 20} MiB and {MAX_FILES:,} files "
        f"are built; the largest parts are:{lines}",
        hint=f"Leave out what the program does not need: a line each in {folder / FILE}.",
    )


def digest_files(folder: Path, files: tuple[str, ...], *more: str) -> str:
    """Twelve hex digits over names, modes and contents, and over `more` texts."""
    total = hashlib.sha256()
    for name in files:
        path = folder / name
        executable = "x" if path.stat().st_mode & 0o100 else "-"
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{name}\0{executable}\0{content}\n".encode())
    for text in more:
        total.update(f"\0{len(text)}\0{text}".encode())
    return total.hexdigest()[:DIGITS]


def copy_files(folder: Path, files: tuple[str, ...], target: Path) -> None:
    """The files into the build's own copy."""
    for name in files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / name, target / name)
