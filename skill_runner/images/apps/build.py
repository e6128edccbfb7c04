"""Build a prepared application into an archive in the cache; the same digest is built once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from skill_runner.errors import BuildFailed
from skill_runner.images.apps.bases import base_recipe
from skill_runner.images.apps.failures import explain
from skill_runner.images.apps.prepare import Prepared
from skill_runner.images.apps.source import copy_files, digest_files
from skill_runner.images.build import archive_path, build_recipe, locked, prune
from skill_runner.images.builders import ca_bundle, find_builder
from skill_runner.images.package_settings import npm_settings, npmrc, pip_conf
from skill_runner.progress import Note, Report

CONTAINERFILE: Final = "Containerfile.skill"


async def build_application(prepared: Prepared, cache: Path, report: Report) -> Path:
    """The archive of the application's image; BuildFailed with the telling lines otherwise."""
    archive = archive_path(cache, prepared.ref)
    archive.parent.mkdir(parents=True, exist_ok=True)
    if archive.is_file():
        return archive
    async with locked(archive.with_suffix(".lock"), prepared.ref, report):
        if not archive.is_file():
            await _build(prepared, archive, cache, report)
            prune(archive)
    return archive


async def _build(prepared: Prepared, archive: Path, cache: Path, report: Report) -> None:
    builder = replace(await find_builder(), store=cache / "builder")
    await builder.tidy(report)
    if prepared.bases == "recipes":
        for name in prepared.layout.bases:
            recipe, ref = base_recipe(name)
            if not await builder.has(ref):
                await builder.load(await build_recipe(recipe, ref, cache, report), ref, report)
    for note in prepared.layout.notes:
        report(Note(note))
    report(Note(f"building {prepared.ref} from {prepared.folder} with {builder.name}"))
    with tempfile.TemporaryDirectory(prefix="skill-app-", dir=archive.parent) as name:
        context, half = Path(name) / "context", Path(name) / "image.tar"
        write_context(prepared, context)
        try:
            await builder.build(
                context,
                prepared.ref,
                half,
                report,
                file=context / CONTAINERFILE,
                secrets=write_secrets(prepared, Path(name), os.environ),
                application=True,
            )
        except BuildFailed as error:
            raise explain(error, prepared) from error
        half.rename(archive)


def write_context(prepared: Prepared, context: Path) -> None:
    """The build's own copy: the source, then what the layout adds.

    BuildFailed when the source is no longer what the image's name says.
    """
    context.mkdir()
    source = context / prepared.layout.source_at
    copy_files(prepared.folder, prepared.files, source)
    if digest_files(source, prepared.files, *prepared.parts) != prepared.digest:
        raise BuildFailed(
            f"{prepared.folder} has changed since this run has read it",
            hint="Run again: the image is named by the digest of its source.",
        )
    for name, text in prepared.layout.files.items():
        path = context / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (context / CONTAINERFILE).write_text(prepared.containerfile)
    # The builder would read the source's own, which has been obeyed already.
    (context / ".dockerignore").unlink(missing_ok=True)
    (context / ".dockerignore").write_text(f"{CONTAINERFILE}\n.dockerignore\n")


def write_secrets(prepared: Prepared, folder: Path, environ: Mapping[str, str]) -> dict[str, Path]:
    """The files that steps may mount, by id. They are in no layer and gone after the build."""
    texts = {
        "npmrc": npmrc(npm_settings(environ, prepared.folder)),
        "pip": pip_conf(environ),
        **{name: environ.get(name, "") for name in prepared.layout.secrets},
    }
    made = {}
    for name, text in texts.items():
        path = folder / f"secret-{name}"
        path.touch(mode=0o600)
        path.write_text(text)
        made[name] = path
    bundle = ca_bundle(environ)
    return {**made, "ca": Path(bundle)} if bundle else made
