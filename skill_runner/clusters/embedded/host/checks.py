"""Check what can be known before a node starts: machine, user, the system's tools, disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skill_runner.clusters.embedded.settings import WayOut
from skill_runner.errors import PreflightFailed

PACKAGES: Final = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
    "nft": "nftables",
}
DISK_NEEDED: Final = 2 * 1024**3
MEMORY_NEEDED: Final = 1024**3
FORWARDING: Final = Path("/proc/sys/net/ipv4/ip_forward")
NO_WAY_OUT: Final = (
    "pods cannot reach anything outside this machine: slirp4netns is missing (Debian "
    "package slirp4netns), and the machine does not forward packets (net.ipv4.ip_forward is 0)"
)
# It reads packets that pods wrote: so it sees /etc and /run alone, which it cannot change, and has
# no rights and few system calls.
SLIRP_FENCE: Final = ("--enable-sandbox", "--enable-seccomp")
FOLDERS: Final = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts that the node's settings follow. `memory` in bytes; `slirp` is a path, or empty.

    `slirp_options` are those of SLIRP_FENCE that it knows.
    """

    memory: int
    slirp: str
    snapshotter: str
    slirp_options: tuple[str, ...] = ()
    forwards: bool = False
    """Tell whether the host forwards packets already; that setting of its is not ours to change."""

    @property
    def way_out(self) -> WayOut:
        """User-mode networking, else translation by the host, which needs it to forward."""
        return "slirp4netns" if self.slirp else "nat" if self.forwards else ""


def check_machine(state: Path, *, user: int | None = None, search: str | None = None) -> Machine:
    """Check what the machine offers. PreflightFailed names everything that is missing, at once.

    `user` is the user's number and `search` a PATH; by default, those of this process.
    """
    folders = f"{os.environ.get('PATH', '')}:{FOLDERS}" if search is None else search
    if sys.platform != "linux":
        raise PreflightFailed(
            f"the embedded cluster runs on Linux, and this is {sys.platform}",
            hint="Use `skill cluster up --provider kind` or `--provider minikube`.",
        )
    if (os.geteuid() if user is None else user) != 0:
        raise PreflightFailed(
            "the embedded cluster needs root: it makes namespaces, mounts and network links",
            hint="Run it with sudo, or use `skill cluster up --provider kind`.",
        )
    missing = [tool for tool in PACKAGES if shutil.which(tool, path=folders) is None]
    packages = sorted({PACKAGES[tool] for tool in missing})
    problems = [f"{tool} is missing (Debian package {PACKAGES[tool]})" for tool in missing]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if memory < MEMORY_NEEDED:
        problems.append(f"{_gib(memory)} of memory; {_gib(MEMORY_NEEDED)} are needed")
    existing = next(folder for folder in (state, *state.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < DISK_NEEDED:
        problems.append(f"{_gib(free)} free below {existing}; {_gib(DISK_NEEDED)} are needed")
    if problems:
        raise PreflightFailed(
            "this machine cannot run the embedded cluster",
            listed=problems,
            hint=f"apt-get install {' '.join(packages)}" if packages else "",
        )
    slirp = shutil.which("slirp4netns", path=folders) or ""
    forwards = FORWARDING.read_text().strip() == "1"
    return Machine(memory, slirp, _snapshotter(existing), slirp_options(slirp), forwards)


def slirp_options(slirp: str) -> tuple[str, ...]:
    """The options of SLIRP_FENCE that this slirp4netns has; none without it."""
    if not slirp:
        return ()
    answer = subprocess.run([slirp, "--help"], capture_output=True, text=True, check=False)
    return tuple(option for option in SLIRP_FENCE if option in answer.stdout + answer.stderr)


def fence_note(machine: Machine) -> str:
    """The warning about a slirp4netns that is older than its fences; empty for a newer one."""
    missing = [option for option in SLIRP_FENCE if option not in machine.slirp_options]
    if not machine.slirp or not missing:
        return ""
    return (
        f"{machine.slirp} has no {' and no '.join(missing)}: pods' way out runs without; "
        "slirp4netns 1.0 has both"
    )


def _snapshotter(folder: Path) -> str:
    """Overlay, except on a file system that cannot carry one, such as a container's own overlay."""
    best, kind = Path("/"), ""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, what, *_ = line.split()
        path = Path(where)
        if folder.is_relative_to(path) and path.is_relative_to(best):
            best, kind = path, what
    return (
        "native" if kind in ("overlay", "aufs", "ecryptfs", "fuse.fuse-overlayfs") else "overlayfs"
    )


def _gib(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB"
