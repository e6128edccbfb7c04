"""Open files of a source folder so that no link, and no change meanwhile, leads out of it.

A hard link is a file like any other: the kernel lets nobody make one to a file that is not theirs.
Pipes, sockets and devices are never part of a source.
"""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

from skill_runner.errors import UsageError
from skill_runner.images.apps.ignore import FILE, NEVER_RULES

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_REGULAR: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


def path_inside(folder: Path, root: Path, name: str) -> str:
    """The path of `name` below `root` (the folder's own path) without links; may not exist.

    UsageError when it is outside, or is what never goes into an image.
    """
    real = Path(os.path.realpath(root / name))
    if not real.is_relative_to(root):
        raise UsageError(
            f"the source {folder}: {_link(root, name)} is a link to {real}, outside of the source",
            hint="Put a copy of what it leads to in its place, or leave it out: a line in "
            f"{folder / FILE}.",
        )
    inside = real.relative_to(root).as_posix()
    if inside != name and NEVER_RULES.leaves_out(inside):
        raise UsageError(
            f"the source {folder}: {_link(root, name)} is a link to {inside}, which never goes "
            "into an image",
            hint=f"Remove the link, or leave it out: a line in {folder / FILE}. Logins and keys "
            "reach a pod by Secrets.",
        )
    return "" if inside == "." else inside


def _link(root: Path, name: str) -> str:
    """The part of a path that is the link."""
    parts = Path(name).parts
    for count in range(1, len(parts) + 1):
        if root.joinpath(*parts[:count]).is_symlink():
            return "/".join(parts[:count])
    return name


def open_inside(folder: Path, name: str) -> BufferedReader:
    """A regular file of the source for reading; nothing on the way to it is followed any more.

    UsageError when it is none, or cannot be read, or was exchanged meanwhile.
    """
    root = folder.resolve()
    *above, last = path_inside(folder, root, name).split("/")
    try:
        place = os.open(root, _FOLDER)
        try:
            for part in above:
                below = os.open(part, _FOLDER, dir_fd=place)
                os.close(place)
                place = below
            file = os.open(last, _REGULAR, dir_fd=place)
        finally:
            os.close(place)
    except OSError as error:
        raise UsageError(
            f"the source {folder}: {name} cannot be read: {error.strerror}",
            hint="If something writes to the folder, run again when it is done.",
        ) from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise UsageError(f"the source {folder}: {name} is no regular file")
    return os.fdopen(file, "rb")
