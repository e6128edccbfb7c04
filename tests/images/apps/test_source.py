"""Which files a build reads, what its digest covers, and how large a source may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.errors import UsageError
from skill_runner.images.apps.source import copy_files, digest_files, list_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("package.json", "app/page.tsx", "node_modules/a/index.js", ".env", "kept/x.md"):
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "site"


def test_only_what_belongs_to_the_application(folder: Path) -> None:
    assert list_files(folder) == ("app/page.tsx", "kept/x.md", "package.json")


def test_a_dockerignore_decides_and_brings_back(folder: Path) -> None:
    (folder / ".dockerignore").write_text("kept\napp\n!kept/x.md\n")
    assert list_files(folder) == (".dockerignore", "kept/x.md", "package.json")


def test_the_digest_is_of_names_modes_contents_and_settings(folder: Path) -> None:
    files = list_files(folder)
    first = digest_files(folder, files, "settings")
    assert digest_files(folder, files, "settings") == first
    assert digest_files(folder, files, "other settings") != first
    (folder / "node_modules/a/index.js").write_text("left out, so nothing changes")
    assert digest_files(folder, list_files(folder), "settings") == first
    (folder / "package.json").chmod(0o755)
    assert digest_files(folder, files, "settings") != first


def test_a_source_that_is_too_large_is_refused_with_what_to_leave_out(folder: Path) -> None:
    huge = folder / "recordings" / "all" / "take.wav"
    huge.parent.mkdir(parents=True)
    with huge.open("wb") as file:
        file.truncate(2 << 30)  # sparse: nothing is written
    with pytest.raises(UsageError) as refused:
        list_files(folder)
    assert "2,048 MiB, at most 256 MiB" in refused.value.message
    assert "recordings/all: 2,048 MiB" in refused.value.message
    assert ".dockerignore" in refused.value.hint
    (folder / ".dockerignore").write_text("recordings\n")
    assert "package.json" in list_files(folder)


def test_a_link_to_a_file_is_its_content(folder: Path, tmp_path: Path) -> None:
    (folder / "link.md").symlink_to(folder / "kept/x.md")
    (folder / "broken.md").symlink_to(folder / "nowhere")
    files = list_files(folder)
    assert "link.md" in files
    assert "broken.md" not in files
    copy_files(folder, files, tmp_path / "copy")
    assert (tmp_path / "copy/link.md").read_text() == "kept/x.md"
    assert not (tmp_path / "copy/link.md").is_symlink()
