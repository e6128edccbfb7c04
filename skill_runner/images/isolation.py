"""Keep the steps of a build from the machine that builds: which rights and which view they get.

A step runs code of others (a postinstall of a package, a setup.py), as root of the image. Without
more, buildah's `chroot` isolation lets it leave by chroot(2), by /proc/PID/root of another user's
process and by the machine's devices. So `oci` is taken where it works, and `chroot` only inside
namespaces of its own, which show neither the machine's processes nor its devices.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from skill_runner.binaries.catalogue import machine_architecture
from skill_runner.clusters.embedded.cgroups import hierarchies, remove_cgroups
from skill_runner.clusters.embedded.host.processes import read_process
from skill_runner.clusters.embedded.pause_image import exit_program
from skill_runner.errors import BuildFailed, UsageError
from skill_runner.images.process import run_tool
from skill_runner.progress import Report, silent

VARIABLE: Final = "SKILL_BUILD_ISOLATION"
Kind = Literal["oci", "chroot"]

# All that apt, dpkg, pip and npm need as root of an image: owners, modes, other users.
CAPABILITIES: Final = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP", "SETGID", "SETUID")
# The kernel ends all of this with the process that builds, and a PID namespace with its first one.
_NAMESPACES: Final = (
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--mount",
    "--pid",
    "--ipc",
    "--uts",
    "--fork",
    "--kill-child",
    "--mount-proc",
)
# buildah's chroot isolation binds /dev and /sys as they are: so there is little to see.
_DEVICES: Final = """
mount -t tmpfs -o mode=755,nosuid,noexec skill /sys
mkdir /sys/dev /sys/dev/shm /sys/dev/pts
for name in null zero full random urandom tty; do
  : >/sys/dev/$name
  mount --bind /dev/$name /sys/dev/$name
done
ln -s /proc/self/fd /sys/dev/fd
ln -s /proc/self/fd/0 /sys/dev/stdin
ln -s /proc/self/fd/1 /sys/dev/stdout
ln -s /proc/self/fd/2 /sys/dev/stderr
mount --rbind /sys/dev /dev
mount -t tmpfs -o mode=1777,nosuid,nodev skill /dev/shm
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /sys || mount -t tmpfs -o ro skill /sys
exec "$@"
"""
# A runtime's notes about a step that was killed go with the namespace.
_NOTES: Final = """
for runtime in runc crun; do
  command -v $runtime >/dev/null || continue
  mkdir -p /run/$runtime
  mount -t tmpfs -o mode=700,nosuid,nodev skill /run/$runtime
done
exec "$@"
"""
_CGROUP: Final = "skillbuild"  # not the name of a cluster's: those begin with `skill-`
_PROBE: Final = 'FROM scratch\nCOPY probe /probe\nRUN ["/probe"]\n'
# An option of a mount that leads to no folder of the machine in any version of buildah: those
# before 1.35.4 and 1.37.4 follow links and `..` to it (CVE-2024-1753, CVE-2024-9675).
_PLAIN: Final = re.compile(
    r"type=(?:bind|cache|secret|tmpfs)|readonly|ro|rw|required(?:=\w+)?|sharing=\w+"
    r"|(?:id|source|src|target|dst|destination|mode|uid|gid|env|size)=[\w./@+:-]*",
    re.ASCII,
)
_COMMENT: Final = re.compile(r"^[ \t]*#.*\n?", re.MULTILINE)
_CONTINUED: Final = re.compile(r"[\\`]\s*\n\s*")
_MOUNT: Final = re.compile(r"--mount\S*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Isolation:
    """The way buildah runs steps. `root` tells whether this process may make namespaces."""

    kind: Kind = "oci"
    root: bool = True

    def command(self, tool: Sequence[str]) -> list[str]:
        """The beginning of a `bud` command line, with the namespaces around it."""
        if not self.root:
            return [*tool, "bud", *self.flags]
        script = _DEVICES if self.kind == "chroot" else _NOTES
        around = [*_NAMESPACES, "sh", "-ec", script, "sh"]
        own = f"/{_CGROUP}-{os.getpid()}-{secrets.token_hex(4)}"
        return [*around, *tool, "bud", *self.flags, "--cgroup-parent", own]

    @property
    def flags(self) -> list[str]:
        """The options of `buildah bud` and `podman build`."""
        granted = ",".join(f"CAP_{name}" for name in CAPABILITIES)
        return ["--isolation", self.kind, "--cap-drop", "all", "--cap-add", granted]


OCI: Final = Isolation()


def asked_isolation(environ: Mapping[str, str]) -> Kind | None:
    """The isolation that SKILL_BUILD_ISOLATION asks for; None leaves the choice."""
    match environ.get(VARIABLE) or "auto":
        case "auto":
            return None
        case "oci":
            return "oci"
        case "chroot":
            return "chroot"
        case other:
            raise UsageError(f"{VARIABLE} is {other!r}; it is one of auto, oci, chroot")


async def choose_isolation(environ: Mapping[str, str], report: Report) -> Isolation:
    """`oci` where a step runs that way on this machine, otherwise `chroot`."""
    root = os.geteuid() == 0
    if root:
        clear_cgroups()
    kind = asked_isolation(environ)
    if kind is None:
        kind = "oci" if await works(Isolation("oci", root), report) else "chroot"
    return Isolation(kind, root)


def clear_cgroups() -> None:
    """Remove the cgroups of steps whose `skill` was killed: all that the kernel does not end."""
    for root in hierarchies():
        for folder in root.glob(f"{_CGROUP}-*-*"):
            pid = folder.name.split("-")[1]
            if pid.isdigit() and read_process(int(pid)) is None:
                remove_cgroups((str(folder),))


async def works(isolation: Isolation, report: Report = silent) -> bool:
    """Build an image whose one step ends at once. The builder's own stores are not touched."""
    architecture = machine_architecture()
    with tempfile.TemporaryDirectory(prefix="skill-probe-") as name:
        folder = Path(name)
        (folder / "Containerfile").write_text(_PROBE)
        try:
            (folder / "probe").write_bytes(exit_program(architecture))
            (folder / "probe").chmod(0o755)
            store = ["--root", f"{name}/root", "--runroot", f"{name}/run"]
            tool = ["buildah", *store, "--storage-driver", "vfs"]
            command = [*isolation.command(tool), "--quiet", "--network", "host", name]
            await run_tool(command, report=report, name="buildah", env={"TMPDIR": name})
        except (BuildFailed, KeyError):
            return False
    return True


def check_mounts(containerfile: Path) -> None:
    """BuildFailed for a mount that could lead a step to a folder of the machine."""
    text = _CONTINUED.sub("", _COMMENT.sub("", containerfile.read_text(errors="replace")))
    for found in _MOUNT.findall(text):
        options = found.removeprefix("--mount").removeprefix("=").split(",")
        wrong = next((each for each in options if not _is_plain(each)), None)
        if wrong is not None:
            raise BuildFailed(
                f"{containerfile.name}: {found} is not built: {wrong!r} may lead a build step to "
                "a folder of this machine",
                hint="Plain names only: no `..`, no variable, no quotes, no `from=`. "
                "COPY --from=STAGE takes files of another stage.",
            )


def _is_plain(option: str) -> bool:
    return _PLAIN.fullmatch(option) is not None and ".." not in option.partition("=")[2].split("/")
