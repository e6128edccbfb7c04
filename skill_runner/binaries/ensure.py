"""Tools to paths: PATH, then the cache, then a download, then a build; or one clear error."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from skill_runner.binaries.catalogue import BY_TOOL, Part, machine_architecture
from skill_runner.binaries.download import Downloader, downloader
from skill_runner.binaries.gobuild import build_part
from skill_runner.binaries.on_path import find_on_path
from skill_runner.errors import AssetError, UsageError
from skill_runner.progress import Note, Report, silent


@dataclass(frozen=True, slots=True)
class _Work:
    """The state that parts of one call share: known hosts, one build at a time, who is told."""

    downloads: Downloader
    building: asyncio.Lock
    report: Report


LOCK_PAUSE = 0.2
"""Seconds between two looks at a lock that another process holds."""

SOURCES = ("auto", "path", "download", "build")


def cache_folder() -> Path:
    """Return where fetched binaries are kept (SKILL_CACHE_DIR, or the user's cache folder)."""
    named = os.environ.get("SKILL_CACHE_DIR")
    return Path(named) if named else platformdirs.user_cache_path("kube-skills")


async def ensure(tool: str, *, report: Report = silent) -> Path:
    """The path of one tool of the catalogue, fetched when missing. AssetError if it cannot be."""
    return (await ensure_all([tool], report=report))[tool]


async def ensure_all(tools: Iterable[str], *, report: Report = silent) -> dict[str, Path]:
    """The paths of several tools; downloads run side by side, builds one after the other."""
    wanted = list(tools)
    for tool in wanted:
        if tool not in BY_TOOL:
            raise UsageError(
                f"no asset is called {tool!r}; there are: {', '.join(sorted(BY_TOOL))}"
            )
    parts = list({BY_TOOL[tool].name: BY_TOOL[tool] for tool in wanted}.values())
    work = _Work(downloader(), asyncio.Lock(), report)
    answers = await asyncio.gather(
        *(_ensure_part(part, work) for part in parts), return_exceptions=True
    )
    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    for error in failed:
        if not isinstance(error, AssetError):
            raise error
    if failed:
        raise AssetError(
            "\n".join(str(error) for error in failed),
            hint="Run `skill cluster prefetch` where the network is better, or put the tools on "
            "PATH; `SKILL_DOWNLOAD_MIRROR` names a mirror of the publishers' hosts.",
        )
    paths: dict[str, Path] = {}
    for answer in answers:
        assert isinstance(answer, dict)
        paths |= answer
    return {tool: paths[tool] for tool in wanted}


def find(part: Part) -> tuple[dict[str, Path], str]:
    """A part that is there already, and where from (`path`, `cache`); nothing is fetched."""
    source = _source()
    if source in ("auto", "path"):
        found, _ = find_on_path(part, os.environ.get("PATH", ""))
        if found:
            return found, "path"
    return (_cached(part), "cache") if source != "path" and _cached(part) else ({}, "")


async def _ensure_part(part: Part, work: _Work) -> dict[str, Path]:
    source, tried = _source(), list[str]()
    if source in ("auto", "path"):
        search = os.environ.get("PATH", "")
        found, reason = await asyncio.to_thread(find_on_path, part, search)
        if found:
            return found
        tried.append(f"PATH: {reason}")
    if source != "path":
        if not _cached(part):
            await _fetch(part, source, tried, work)
        if cached := _cached(part):
            return cached
    package = f"; Debian has it as `apt-get install {part.package}`" if part.package else ""
    raise AssetError(f"{part.name} {part.version} cannot be had{package}; tried", listed=tried)


async def _fetch(part: Part, source: str, tried: list[str], work: _Work) -> None:
    lock = FileLock(f"{_folder(part)}.lock")
    _folder(part).parent.mkdir(parents=True, exist_ok=True)
    if not _acquired(lock):
        work.report(Note(f"another process is fetching {part.name} {part.version}; waiting for it"))
        while not _acquired(lock):  # noqa: ASYNC110  another process holds it
            await asyncio.sleep(LOCK_PAUSE)
    try:
        if _cached(part):
            return
        if source in ("auto", "download"):
            with _staging(part) as folder:
                problem = await work.downloads.fetch(part, folder, work.report)
                if not problem:
                    _install(part, folder)
                    return
            tried.append(f"download: {problem}")
        if source in ("auto", "build"):
            with _staging(part) as folder:
                async with work.building:
                    problem = await build_part(part, folder, work.report)
                if not problem:
                    _install(part, folder)
                    return
            tried.append(f"build: {problem}")
    finally:
        lock.release()


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


@contextmanager
def _staging(part: Part) -> Iterator[Path]:
    parent = _folder(part).parent
    folder = Path(tempfile.mkdtemp(prefix=f".{part.name}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _install(part: Part, staging: Path) -> None:
    for tool in part.tools:
        (staging / tool).chmod(0o755)
    staging.chmod(0o755)
    if _folder(part).exists():
        shutil.rmtree(_folder(part))  # incomplete, or its files were taken away
    staging.rename(_folder(part))


def _folder(part: Part) -> Path:
    name = f"{part.name}-{part.version}-linux-{machine_architecture()}"
    return cache_folder() / "assets" / name


def _cached(part: Part) -> dict[str, Path]:
    paths = {tool: _folder(part) / tool for tool in part.tools}
    return paths if all(os.access(path, os.X_OK) for path in paths.values()) else {}


def _source() -> str:
    source = os.environ.get("SKILL_ASSETS", "auto")
    if source not in SOURCES:
        raise UsageError(f"SKILL_ASSETS is {source!r}; expected one of {', '.join(SOURCES)}")
    return source
