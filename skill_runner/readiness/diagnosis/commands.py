"""The runtimes' words for a command that is not in an image, or is no program."""

from __future__ import annotations

import re
from typing import Final

_PATTERNS: Final = (
    # runc (libcontainer/init_linux.go) below containerd, CRI-O and docker
    r'exec: \\?"(?P<c>[^"\\]+)\\?": (?:executable file not found|stat|permission denied'
    r"|no such file|is a directory)",
    r"(?:exec|stat) (?P<c>/\S+?):? no such file or directory",
    # crun (src/libcrun/utils.c; containers/crun#1664)
    r"executable file [`'](?P<c>[^`']+)[`'] not found",
    # gVisor (pkg/sentry/fsimpl/user/path.go, pkg/sentry/loader/loader.go)
    r'error finding executable \\?"(?P<c>[^"\\]+)\\?" in PATH',
    r"failed to load (?P<c>/\S+?): no such file or directory",
)
_COMPILED: Final = tuple(re.compile(p, re.IGNORECASE) for p in _PATTERNS)


def missing_command(said: str) -> str:
    """The command that cannot be run, by a runtime's own words; empty where they say nothing."""
    for pattern in _COMPILED:
        if found := pattern.search(said):
            return found["c"]
    return ""
