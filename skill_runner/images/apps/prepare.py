"""From a source folder and its settings to everything that one build needs, and its name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skill_runner.errors import UsageError
from skill_runner.images.apps import docusaurus, fastapi, nextjs
from skill_runner.images.apps.bases import OFFICIAL, base_refs
from skill_runner.images.apps.layout import Layout
from skill_runner.images.apps.source import digest_files, list_files
from skill_runner.images.recipe import LOCAL_PREFIX
from skill_runner.skill.model import Application

OWN: Final = ("Containerfile", "Dockerfile")
FRAMEWORKS: Final[Mapping[str, Callable[[Path, Mapping[str, Any]], Layout]]] = {
    "docusaurus": docusaurus.lay_out,
    "fastapi": fastapi.lay_out,
    "nextjs": nextjs.lay_out,
}
WORDS: Final = {"docusaurus": "Docusaurus", "fastapi": "FastAPI", "nextjs": "Next.js"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """One build: the source's files, the layout with its base images filled in, the digest."""

    folder: Path
    name: str
    files: tuple[str, ...]
    layout: Layout
    bases: str
    digest: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The settings that the digest covers beside the files."""
        return _parts(self.layout, self.bases)

    @property
    def ref(self) -> str:
        return f"{LOCAL_PREFIX}/{self.name}:{self.digest}"

    @property
    def containerfile(self) -> str:
        """The Containerfile with the names of its bases and of what is built."""
        words = {**base_refs(self.layout.bases, self.bases), "digest": self.digest}
        return _fill(self.layout.containerfile, {**words, "name": self.name})


def find_layout(application: Application) -> tuple[Path, Layout]:
    """The source's folder and its layout: its own Containerfile, or one made for its framework."""
    if not application.source:
        raise UsageError(
            "there is no source to build from",
            hint="Name the folder of the application: --set source=FOLDER (or --set image=IMAGE).",
        )
    folder = Path(application.source).expanduser().absolute()
    if not folder.is_dir():
        what = "is a file, a folder is expected" if folder.exists() else "does not exist"
        raise UsageError(
            f"the source {folder} {what}", hint="--set source=FOLDER, relative to where you are."
        )
    list_files(folder)  # or a link that leads elsewhere is refused, before anything is read
    own = next((name for name in OWN if (folder / name).is_file()), None)
    if own:
        return folder, _own_layout(own, (folder / own).read_text())
    return folder, FRAMEWORKS[application.framework](folder, application.settings)


def _own_layout(name: str, text: str) -> Layout:
    """The source's own Containerfile. Where no registry answers, an official base image that has a
    recipe here is taken from that, as for a file that is made."""
    text = text.replace("{", "{{").replace("}", "}}")
    bases = []
    for base, official in OFFICIAL.items():
        named = re.compile(rf"^(FROM(?:\s+--\S+)*\s+){re.escape(official)}(?=\s|$)", re.M | re.I)
        text, count = named.subn(rf"\g<1>{{{base}}}", text)
        bases += [base] if count else []
    note = f"the source's own {name} is built, as it is"
    return Layout(containerfile=text, bases=tuple(bases), notes=(note,))


def prepare(application: Application, folder: Path, layout: Layout, *, bases: str) -> Prepared:
    """The build of a layout on these bases; reads every file of the source once."""
    files, parts = list_files(folder), _parts(layout, bases)
    return Prepared(
        folder,
        image_name(application.name or folder.name),
        files,
        layout,
        bases,
        digest_files(folder, files, *parts),
    )


def _parts(layout: Layout, bases: str) -> tuple[str, ...]:
    return (
        layout.containerfile,
        json.dumps(layout.files, sort_keys=True),
        layout.source_at,
        json.dumps(base_refs(layout.bases, bases), sort_keys=True),
    )


def image_name(text: str) -> str:
    """A name as a registry takes it (OCI distribution specification)."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return name or "app"


def _fill(text: str, words: Mapping[str, str]) -> str:
    """`{name}` by its word; doubled braces are braces."""
    pattern = re.compile(r"\{\{|\}\}|\{(\w+)\}")
    return pattern.sub(lambda m: words.get(m[1], m[0]) if m[1] else m[0][0], text)
