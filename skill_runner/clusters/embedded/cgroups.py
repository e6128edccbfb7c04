"""The cluster's cgroup: one directory in every v1 hierarchy, or one on v2.

The kubelet puts pods into `kubepods` below it; the node's own processes live in `node` beside that,
so that pods cannot take what the node needs, and so that the cluster's memory can be read.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
NODE = "node"


def cgroup_version() -> int:
    """2 where the unified hierarchy is all there is; 1 beside hybrid mounts."""
    return 2 if (ROOT / "cgroup.controllers").exists() else 1


def hierarchies() -> list[Path]:
    """Every mounted hierarchy, each once (cpu and cpuacct may be one).

    A hybrid machine mounts v2 beside those of v1 (at `unified`), and runc makes a directory for
    each container there, too.
    """
    if cgroup_version() == 2:
        return [ROOT]
    return [entry for entry in sorted(ROOT.iterdir()) if _is_hierarchy(entry)]


def cgroup_roots() -> list[Path]:
    """The hierarchies whose controllers the node uses: on a hybrid machine, those of v1."""
    if cgroup_version() == 2:
        return [ROOT]
    return [root for root in hierarchies() if not (root / "cgroup.controllers").exists()]


def _is_hierarchy(entry: Path) -> bool:
    return entry.is_dir() and not entry.is_symlink() and (entry / "cgroup.procs").exists()


def create_cgroups(name: str) -> tuple[str, ...]:
    """Make `/name` and `/name/node` everywhere; the paths of `/name`."""
    made = []
    for root in cgroup_roots():
        folder = root / name
        if cgroup_version() == 2:
            _delegate(root)
            folder.mkdir(exist_ok=True)
            _delegate(folder)
            (folder / NODE).mkdir(exist_ok=True)
        else:
            for part in (folder, folder / NODE):
                part.mkdir(exist_ok=True)
                _copy_cpuset(part)
                _write(part / "memory.use_hierarchy", "1")
        made.append(str(folder))
    return tuple(made)


def _delegate(folder: Path) -> None:
    """Every controller, because the kubelet wants each that the root has."""
    for controller in (folder / "cgroup.controllers").read_text().split():
        _write(folder / "cgroup.subtree_control", f"+{controller}")


def _copy_cpuset(folder: Path) -> None:
    for name in ("cpuset.cpus", "cpuset.mems"):
        inherited = folder.parent / name
        if inherited.exists() and not (folder / name).read_text().strip():
            _write(folder / name, inherited.read_text())


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError:
        return  # not offered here; what is indispensable, the kubelet names in its own words


def enter_cgroup(folders: tuple[str, ...]) -> None:
    """Move this process, and so its children to come, into the node's part."""
    for folder in folders:
        (Path(folder) / NODE / "cgroup.procs").write_text("0")


def processes_in(folders: tuple[str, ...]) -> set[int]:
    """Every process of the cluster, in this PID namespace's numbers."""
    found: set[int] = set()
    for folder in folders:
        for directory, _, _ in os.walk(folder):
            try:
                found |= {int(pid) for pid in Path(directory, "cgroup.procs").read_text().split()}
            except OSError:
                continue  # gone meanwhile
    return found


def memory_in_use(folders: tuple[str, ...]) -> int | None:
    """Bytes that the cluster's processes hold, without the page cache where that is told apart."""
    for folder in folders:
        path = Path(folder)
        try:
            if (path / "memory.stat").exists():
                lines = (path / "memory.stat").read_text().splitlines()
                stat = dict(line.split() for line in lines)
                return int(stat.get("total_rss") or stat.get("anon") or 0)
        except (OSError, ValueError):
            continue
    return None


def remove_cgroups(folders: tuple[str, ...]) -> bool:
    """Remove what is empty, bottom up. False while something is still dying in there."""
    for folder in folders:
        for directory, _, _ in os.walk(folder, topdown=False):
            try:
                os.rmdir(directory)
            except FileNotFoundError:
                continue
            except OSError:
                return False
    return True
