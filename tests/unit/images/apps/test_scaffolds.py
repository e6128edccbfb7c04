"""The newest projects that the frameworks' own scaffolds make, built as they come."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tarfile
from pathlib import Path
from uuid import uuid4

import pytest

from skill_runner.binaries.ensure import cache_folder
from skill_runner.errors import BuildFailed
from skill_runner.images.apps.build import build_application
from skill_runner.images.apps.prepare import find_layout, prepare
from skill_runner.progress import Event, Line
from skill_runner.skill.model import Application

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(
        os.geteuid() != 0 or any(shutil.which(n) is None for n in ("buildah", "npx")),
        reason="needs root, buildah and npm",
    ),
]
NEXT = ("create-next-app@latest", "app", "--yes", "--skip-install", "--disable-git")
DOCUSAURUS = ("create-docusaurus@latest", "app", "classic", "--skip-install")
LANGUAGES = {"TypeScript": "--typescript", "JavaScript": "--javascript"}


def scaffold(folder: Path, *arguments: str) -> Path:
    """A project, as the newest scaffold of the registry makes it."""
    done = subprocess.run(
        ["npx", "--yes", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "CI": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "app" / "made.txt").write_text(uuid4().hex)  # or an earlier run's image would do
    return folder / "app"


async def build(source: Path, framework: str) -> list[str]:
    """The output of the build, whose image can be read."""
    lines: list[str] = []

    def report(event: Event) -> None:
        lines.extend([event.text] if isinstance(event, Line) else [])

    application = Application(source=str(source), framework=framework)
    prepared = prepare(application, *find_layout(application), bases="recipes")
    archive = await build_application(prepared, cache_folder(), report)
    assert tarfile.is_tarfile(archive)
    return lines


def is_reached(host: str) -> bool:
    try:
        with socket.create_connection((host, 443), timeout=10):
            return True
    except OSError:
        return False


def take_web_fonts_out(source: Path) -> None:
    """What a person does who reads that they were not reached."""
    file = next(source.glob("app/layout.*"))
    text = re.sub(r"import \{ Geist[^;]*;\n|const geist\w+ = Geist[^;]*;\n", "", file.read_text())
    file.write_text(re.sub(r"\$\{geist\w+\.variable\}", "", text))
    assert "eist" not in file.read_text()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_newest_next_app(tmp_path: Path, language: str) -> None:
    """Built as it comes where its web fonts are reached, and else as the message asks for."""
    source = scaffold(tmp_path, *NEXT, LANGUAGES[language])
    if not is_reached("fonts.googleapis.com"):
        with pytest.raises(BuildFailed) as caught:
            await build(source, "nextjs")
        assert "could not fetch its web fonts (Geist, Geist Mono)" in caught.value.message
        assert "next/font/local" in caught.value.hint
        take_web_fonts_out(source)
    lines = await build(source, "nextjs")
    route = next(line for line in lines if line.endswith("/api/health"))
    assert "ƒ" in route, "the added route is asked of the server each time"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_newest_docusaurus_site(tmp_path: Path, language: str) -> None:
    lines = await build(scaffold(tmp_path, *DOCUSAURUS, LANGUAGES[language]), "docusaurus")
    assert any("Generated static files" in line for line in lines)
