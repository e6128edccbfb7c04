"""Which files a build reads, what its digest covers, and how large a source may be."""

from __future__ import annotations

import os
import shutil
import socket
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


def test_a_dockerignore_cannot_bring_back_what_never_goes_along(folder: Path) -> None:
    (folder / ".dockerignore").write_text("!.env\n!node_modules\n")
    assert not {".env", "node_modules/a/index.js"} & set(list_files(folder))


def test_a_link_to_a_file_is_its_content(folder: Path, tmp_path: Path) -> None:
    (folder / "link.md").symlink_to(folder / "kept/x.md")
    (folder / "broken.md").symlink_to(folder / "nowhere")
    files = list_files(folder)
    assert "link.md" in files
    assert "broken.md" not in files
    copy_files(folder, files, tmp_path / "copy")
    assert (tmp_path / "copy/link.md").read_text() == "kept/x.md"
    assert not (tmp_path / "copy/link.md").is_symlink()


def test_a_link_to_a_folder_of_the_source_is_its_files(folder: Path, tmp_path: Path) -> None:
    (folder / "docs").symlink_to("kept")
    (folder / "kept/.ssh").mkdir()
    (folder / "kept/.ssh/config").write_text("never")
    files = list_files(folder)
    assert "docs/x.md" in files
    assert not [name for name in files if ".ssh" in name]
    copy_files(folder, files, tmp_path / "copy")
    assert (tmp_path / "copy/docs/x.md").read_text() == "kept/x.md"


@pytest.mark.parametrize("target", ["secret", ".", "gone", "/etc/hostname", "/", "../../beside"])
def test_a_link_that_leads_outside_is_refused(folder: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "secret").write_text("of the machine")
    outside = target if target.startswith(("/", "..")) else f"{tmp_path}/{target}"
    (folder / "public").mkdir()
    (folder / "public/notes.txt").symlink_to(outside)
    with pytest.raises(UsageError) as refused:
        list_files(folder)
    assert "public/notes.txt is a link to /" in refused.value.message
    assert "outside of the source" in refused.value.message
    assert ".dockerignore" in refused.value.hint
    (folder / ".dockerignore").write_text("public/notes.txt\n!public/other\n")
    assert "public/notes.txt" not in list_files(folder)


def test_a_link_by_a_link_leads_nowhere_else(folder: Path) -> None:
    (folder / "up").symlink_to("..")
    (folder / "notes.txt").symlink_to("up/secret")
    with pytest.raises(UsageError, match="outside of the source"):
        list_files(folder)


@pytest.mark.parametrize("target", [".env", "node_modules", "node_modules/a/index.js"])
def test_a_link_to_what_never_goes_along_is_refused(folder: Path, target: str) -> None:
    (folder / "harmless.txt").symlink_to(target)
    with pytest.raises(UsageError, match=f"harmless.txt is a link to {target}, which never goes"):
        list_files(folder)


def test_links_in_a_circle_are_refused(folder: Path) -> None:
    (folder / "kept/all").symlink_to(folder)
    with pytest.raises(UsageError, match="kept/all is a link to a folder that holds it"):
        list_files(folder)


def test_pipes_and_sockets_are_no_part_of_a_source(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(folder / "socket"))
        assert not {"pipe", "socket"} & set(list_files(folder))
    with pytest.raises(UsageError, match="pipe is no regular file"):
        copy_files(folder, ("pipe",), folder.parent / "copy")


def test_what_is_exchanged_for_a_link_meanwhile_is_not_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/x.md").write_text("of the machine")
    files = list_files(folder)
    shutil.rmtree(folder / "kept")
    (folder / "kept").symlink_to(tmp_path / "secret")
    for read in (digest_files, lambda at, names: copy_files(at, names, tmp_path / "copy")):
        with pytest.raises(UsageError, match="outside of the source"):
            read(folder, files)
    assert not (tmp_path / "copy/kept").exists() or not list((tmp_path / "copy/kept").iterdir())
