"""The node's own view of the file system, made inside its mount namespace.

Kubernetes' parts have a few paths built in (/run/containerd, /var/lib/cni, /var/log/containers,
/var/lib/kubelet). Here these belong to the node: nothing is written at the host's, and no empty
folder is left behind. The kubelet also wants six kernel settings; they are global, so it is shown
files that already hold what it wants.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from skill_runner.clusters.embedded.settings import Node

KERNEL_SETTINGS: Final = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def mount_node(node: Node) -> None:
    """Make the node's mounts. CalledProcessError if the kernel refuses one."""
    _mount("--make-rshared", "/")
    # Descriptors still lead to the cluster's folders once what holds them is covered.
    kept = {path: os.open(path, os.O_RDONLY) for path in (node.folder, node.run_folder)}
    _cover("/run")
    _cover("/var/log")
    _overlay("/var/lib", Path("/run/var-lib"))
    for path, descriptor in kept.items():
        Path(path).mkdir(parents=True, exist_ok=True)
        _mount("--no-canonicalize", "--bind", f"/proc/{os.getpid()}/fd/{descriptor}", path)
        os.close(descriptor)
    (node.path / "kubelet").mkdir(exist_ok=True)
    Path("/var/lib/kubelet").mkdir(exist_ok=True)
    _mount("--bind", f"{node.folder}/kubelet", "/var/lib/kubelet")
    _mount("--make-rshared", "/var/lib/kubelet")
    _show_kernel_settings()
    _show_name_server(node)


def _show_kernel_settings() -> None:
    values = Path("/run/kernel-settings")
    for name, value in KERNEL_SETTINGS.items():
        target = Path("/proc/sys") / name
        if not target.exists():
            continue
        shown = values / name
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.write_text(f"{value}\n")
        _mount("--bind", str(shown), str(target))


def _show_name_server(node: Node) -> None:
    """The host's may be on its loopback, or its file in /run, which is covered here."""
    shown = Path("/etc/resolv.conf").resolve()
    if not shown.exists():
        if not shown.is_relative_to("/run"):
            return
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.touch()
    _mount("--bind", f"{node.folder}/resolv.conf", str(shown))


def _cover(folder: str) -> None:
    _mount("-t", "tmpfs", "-o", "mode=755,size=256m", "skill", folder)


def _overlay(folder: str, upper: Path) -> None:
    """Writes below `folder` go to memory; what is there stays readable."""
    for name in ("files", "work"):
        (upper / name).mkdir(parents=True)
    options = f"lowerdir={folder},upperdir={upper}/files,workdir={upper}/work"
    _mount("-t", "overlay", "-o", options, "skill", folder)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)
