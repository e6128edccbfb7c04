"""Limits of the kernel that a further cluster would exceed, found before it starts."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path
from typing import Final

from skill_runner.errors import PreflightFailed

INOTIFY_NEEDED: Final = 24
"""Instances that a node must be able to open. Its own parts keep 20, counted in /proc while pods
ran: the API server, the controller manager and the kubelet 6 each (certificates and settings that
they reload), containerd 2. The other four are for the first containers: with cgroups of version 2,
containerd watches the memory of each by one more."""
LIMIT: Final = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_HINT: Final = "The machine's limit is used up: sysctl -w fs.inotify.max_user_instances=1024"


def check_inotify(needed: int = INOTIFY_NEEDED) -> None:
    """PreflightFailed unless this user can open so many inotify instances more.

    They are opened, and closed again: the kernel tells nobody how many are in use.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    opened: list[int] = []
    try:
        while len(opened) < needed:
            instance = libc.inotify_init1(os.O_CLOEXEC)
            if instance < 0:
                if ctypes.get_errno() != errno.EMFILE:
                    return  # another kind of trouble, which the part that meets it names
                raise PreflightFailed(
                    f"a cluster opens up to {needed} inotify instances, and {len(opened)} of the "
                    f"{LIMIT.read_text().strip()} that each user may have are left",
                    hint=f"{INOTIFY_HINT}; or end a cluster that is not needed: `skill cluster "
                    "list`, `skill cluster down`.",
                )
            opened.append(instance)
    finally:
        for instance in opened:
            os.close(instance)
