"""A working folder full of traps: whatever of it is imported or run leaves its name behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

PROGRAMS = (
    "helm",
    "kubectl",
    "kind",
    "minikube",
    "docker",
    "podman",
    "buildah",
    "skopeo",
    "uv",
    "pip",
    "go",
    "git",
    "node",
    "npm",
    "setpriv",
    "apt-config",
    "unshare",
    "mount",
    "ip",
    "nft",
    "modprobe",
    "nsenter",
    "python",
    "python3",
    "chromium",
    "slirp4netns",
    "containerd",
    "etcd",
)


def module_names() -> list[str]:
    """Everything that an import of ours could mean: the standard library's, all dependencies'."""
    installed = {name.partition("/")[0] for name in packages_distributions()}
    names = {*sys.stdlib_module_names, *installed}
    return sorted(name for name in names if name.isidentifier() and name != "__main__")


class Traps:
    """The folder, and what was sprung in it."""

    def __init__(self, folder: Path, *, without: Iterable[str] = ()) -> None:
        self.folder = folder / "work"
        self._marks = folder / "marks"
        self.folder.mkdir()
        for name in set(module_names()) - set(without):
            self._plant(name)
        for name in PROGRAMS:
            program = self.folder / name
            program.write_text(f'#!/bin/sh\necho "program {name}" >> "{self._marks}"\nexit 1\n')
            program.chmod(0o755)

    def _plant(self, name: str) -> None:
        text = f'open({str(self._marks)!r}, "a").write("module " + __name__ + "\\n")\n'
        (self.folder / f"{name}.py").write_text(text)
        if name in ("kubernetes", "skill_runner", "mcp"):  # a package wins over a module
            (self.folder / name).mkdir()
            (self.folder / name / "__init__.py").write_text(text)

    def environ(self, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """With the current folder on PATH, in both of the ways in which it gets there."""
        return {**environ, "PATH": f":{environ['PATH']}:."}

    def sprung(self) -> list[str]:
        return self._marks.read_text().splitlines() if self._marks.exists() else []
