"""A release as users get it: built by `python -m build`, installed into an empty environment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT


@dataclass(frozen=True, slots=True)
class Release:
    """The two files of a release."""

    wheel: Path
    sdist: Path


def build_release(folder: Path) -> Release:
    """Build both files from this tree into `folder`; the wheel is built from the sdist."""
    builder = make_environment(folder / "builder", "build")
    run([builder / "python", "-m", "build", "--quiet", "--outdir", folder, ROOT])
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return Release(wheel, sdist)


def make_environment(folder: Path, *packages: str | Path) -> Path:
    """Make a virtual environment that holds nothing but `packages`; return its programs' folder."""
    run([sys.executable, "-m", "venv", folder])
    run([folder / "bin" / "pip", "install", "--quiet", "--no-compile", *packages])
    return folder / "bin"


def run(
    argv: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> str:
    """Return what a program printed; fail with all of its output when it did not succeed."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=cwd, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
