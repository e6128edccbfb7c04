"""Build a recipe into an archive in the cache; the same recipe is never built twice."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from skill_runner.binaries.catalogue import Build
from skill_runner.binaries.gobuild import build_module
from skill_runner.errors import BuildFailed
from skill_runner.images.builders import find_builder
from skill_runner.images.packages.debian import debian_rootfs
from skill_runner.images.packages.maven import DIGESTS, check_jars, maven_jars
from skill_runner.images.packages.npm import npm_modules
from skill_runner.images.recipe import DIGITS, Recipe
from skill_runner.progress import Note, Report

KEPT: Final = 3  # archives of one image; older ones are removed when a new one is made
LOOK_AGAIN: Final = 0.5  # seconds between looks at another process's lock


def archive_path(cache: Path, ref: str) -> Path:
    """Return where the archive of a reference is kept."""
    return cache / "images" / f"{ref.replace('/', '_').replace(':', '_')}.tar"


async def build_recipe(recipe: Recipe, ref: str, cache: Path, report: Report) -> Path:
    """The archive of the recipe's image; BuildFailed with the telling lines otherwise.

    Another process that builds the same is waited for.
    """
    archive = archive_path(cache, ref)
    archive.parent.mkdir(parents=True, exist_ok=True)
    if archive.is_file():
        return archive
    async with locked(archive.with_suffix(".lock"), ref, report):
        if not archive.is_file():
            await _build(recipe, ref, archive, report)
            prune(archive)
    return archive


@asynccontextmanager
async def locked(path: Path, ref: str, report: Report) -> AsyncIterator[None]:
    """Hold a file lock; a wait for it can be cancelled."""
    lock = FileLock(path)
    told = False
    while True:
        try:
            lock.acquire(timeout=0)
            break
        except Timeout:
            if not told:
                report(Note(f"another process builds {ref}: waiting for it"))
                told = True
            await asyncio.sleep(LOOK_AGAIN)
    try:
        yield
    finally:
        lock.release()


async def _build(recipe: Recipe, ref: str, archive: Path, report: Report) -> None:
    builder = await find_builder()
    with tempfile.TemporaryDirectory(prefix="skill-image-", dir=archive.parent) as name:
        context = Path(name) / "context"
        shutil.copytree(recipe.folder, context, symlinks=True)
        await _gather(recipe, context, report)
        report(Note(f"building {ref} with {builder.name}"))
        half = Path(name) / "image.tar"
        await builder.build(context, ref, half, report)
        half.rename(archive)


async def _gather(recipe: Recipe, context: Path, report: Report) -> None:
    """The ingredients, side by side; the first that fails ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            if recipe.packages:
                rootfs = context / "rootfs.tar"
                group.create_task(debian_rootfs(recipe.suite, recipe.packages, rootfs, report))
            if recipe.artifacts:
                group.create_task(_jars(recipe, context / "jars", report))
            if recipe.modules:
                group.create_task(npm_modules(recipe.modules, context / "npm", report))
            if recipe.go is not None:
                group.create_task(_go_tools(recipe.folder, recipe.go, context / "bin", report))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _jars(recipe: Recipe, target: Path, report: Report) -> None:
    await maven_jars(recipe.artifacts, target, report)
    if (held := recipe.folder / DIGESTS).is_file():
        check_jars(target, held)


async def _go_tools(folder: Path, build: Build, target: Path, report: Report) -> None:
    target.mkdir()
    problem = await build_module(
        f"the tools of {folder.parent.name}", build, folder, target, report
    )
    if problem:
        raise BuildFailed(f"{folder}: {problem}")


def prune(newest: Path) -> None:
    """Remove the oldest archives of the same image: names that differ only in the digest."""
    image = newest.stem[:-DIGITS]
    alike = sorted(
        newest.parent.glob(f"{image}{'?' * DIGITS}.tar"), key=lambda path: path.stat().st_mtime
    )
    for old in alike[:-KEPT]:
        old.unlink(missing_ok=True)
