"""Rendered installations as files of a folder: the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml

from skill_runner.errors import Refused, UsageError
from skill_runner.objects import Object, Ref
from skill_runner.plan import Installation

LISTING: Final = "installations.yaml"
HEAD: Final = "# Written by `skill render`: change the platform file, and render again.\n"

Files = Mapping[PurePosixPath, bytes]


def yaml_bytes(data: Any) -> bytes:
    """Data as YAML with sorted keys."""
    text = yaml.safe_dump(data, sort_keys=True, allow_unicode=True, width=100)
    return (HEAD + str(text)).encode()


def object_files(
    installation: Installation, objects: Iterable[Object]
) -> dict[PurePosixPath, bytes]:
    """A file for each object of an installation."""
    at = PurePosixPath(installation.namespace, installation.name)
    made: dict[PurePosixPath, bytes] = {}
    for obj in sorted(objects, key=lambda each: str(Ref.of(each))):
        ref = Ref.of(obj)
        elsewhere = (
            f".{ref.namespace}" if ref.namespace not in (None, installation.namespace) else ""
        )
        stem = f"{ref.kind.lower()}-{ref.name.replace(':', '_')}{elsewhere}"
        path = at / f"{stem}.yaml"
        if path in made:  # two kinds of one name
            path = at / f"{stem}.{ref.api_version.partition('/')[0]}.yaml"
        made[path] = yaml_bytes(obj)
    return made


def write(folder: Path, files: Files) -> tuple[int, int]:
    """Write the files, and remove those of an earlier rendering that are none any more; how many
    were changed, and removed. UsageError, and nothing is touched, where others' files are in the
    way."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", hint="Name a folder: --to FOLDER.")
    former = _former(folder)
    for path in sorted(files.keys() - former):
        if (folder / path).exists() and (folder / path).read_bytes() != files[path]:
            raise Refused(
                f"{folder / path} exists and was not written by `skill render`",
                hint="Name another folder with --to, or move the file away.",
            )
    stale = former - files.keys()
    for path in stale:
        (folder / path).unlink(missing_ok=True)
    changed = 0
    for path, content in files.items():
        target = folder / path
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        changed += 1
    for parent in (parent for path in stale for parent in path.parents[:-1]):
        if (folder / parent).is_dir() and not any((folder / parent).iterdir()):
            (folder / parent).rmdir()
    return changed, len(stale)


def _former(folder: Path) -> frozenset[PurePosixPath]:
    """The files that an earlier rendering wrote, by their first line."""
    if not (folder / LISTING).is_file():
        return frozenset()
    found = (path for path in folder.rglob("*.yaml") if _is_ours(path))
    return frozenset(PurePosixPath(path.relative_to(folder).as_posix()) for path in found)


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline() == HEAD.encode()
