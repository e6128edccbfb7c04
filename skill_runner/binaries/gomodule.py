"""Files out of a Go module, such as definitions that are published nowhere else as a package.

`go mod download` brings the module and holds it to the go.sum beside its go.mod. The files are kept
in the cache, by the digest of both.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Final

from filelock import FileLock

from skill_runner.binaries.ensure import cache_folder
from skill_runner.binaries.gobuild import fetch_go, go_of, scratch_folder
from skill_runner.errors import BuildFailed
from skill_runner.progress import Note, Report

DOWNLOAD: Final = 300.0  # seconds that one module may take


async def module_files(folder: Path, module: str, inside: str, report: Report) -> tuple[Path, ...]:
    """The files of the folder `inside` a module, by name; `folder` holds its go.mod and go.sum.

    BuildFailed when the module cannot be had, or is another one than go.sum says.

        files = await module_files(HERE, "sigs.k8s.io/gateway-api", "config/crd", ctx.report)
    """
    pins = [(folder / name).read_bytes() for name in ("go.mod", "go.sum")]
    digest = hashlib.sha256(b"\0".join((*pins, inside.encode()))).hexdigest()[:12]
    kept = cache_folder() / "modules" / f"{module.replace('/', '_')}-{digest}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(kept.with_suffix(".lock"))
    await asyncio.to_thread(lock.acquire)
    try:
        if not kept.is_dir():
            await _fetch(folder, module, inside, kept, report)
    finally:
        await asyncio.to_thread(lock.release)
    return tuple(sorted(path for path in kept.iterdir() if path.is_file()))


async def _fetch(folder: Path, module: str, inside: str, kept: Path, report: Report) -> None:
    with scratch_folder(kept) as scratch:
        needed = go_of((folder / "go.mod").read_text())
        go, problem = await fetch_go(scratch, report, needed)
        if problem:
            raise BuildFailed(f"{module} cannot be fetched: {problem}")
        report(Note(f"fetching {inside} of the Go module {module}"))
        for name in ("go.mod", "go.sum"):
            shutil.copy(folder / name, scratch)
        found = await _download(go, module, scratch)
        if not (found / inside).is_dir():
            raise BuildFailed(f"{module} has no folder {inside}")
        shutil.copytree(found / inside, scratch / "files")
        (scratch / "files").rename(kept)


async def _download(go: str, module: str, scratch: Path) -> Path:
    """The folder of the module's sources, at the version that go.mod requires."""
    cache = os.environ.get("SKILL_GO_CACHE")
    environment = os.environ | {
        "GOMODCACHE": str((Path(cache) if cache else scratch) / "modules"),
        "GOFLAGS": "" if cache else "-modcacherw",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    child = await asyncio.create_subprocess_exec(
        go,
        "mod",
        "download",
        "-json",
        module,
        cwd=scratch,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DOWNLOAD):
            out, errors = await child.communicate()
    except TimeoutError as error:
        raise BuildFailed(f"{module} was not fetched in {DOWNLOAD:.0f} s") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    try:
        answer = json.loads(out)
    except ValueError:
        answer = {}
    if child.returncode or "Dir" not in answer:
        said = str(answer.get("Error") or errors.decode(errors="replace").strip() or "nothing")
        raise BuildFailed(f"{module} cannot be fetched: go says {' | '.join(said.split(chr(10)))}")
    return Path(answer["Dir"])
