"""Files out of a Go module, by a go that the test plays: what is asked of it, kept, and refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skill_runner.binaries.gomodule import module_files
from skill_runner.errors import BuildFailed
from skill_runner.progress import Event, silent

MODULE = "example.org/api"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module with two definitions, and a go that knows it."""
    sources = tmp_path / "sources" / "crd"
    sources.mkdir(parents=True)
    for name in ("b.yaml", "a.yaml"):
        (sources / name).write_text(name)
    answer = json.dumps({"Dir": str(tmp_path / "sources")})
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(
        "#!/bin/sh\n"
        "[ $1 = version ] && { echo go version go1.26.8 linux/amd64; exit; }\n"
        f'echo "$@" >> {tmp_path}/asked\n'
        "grep -q good go.sum || { echo 'checksum mismatch' >&2; exit 1; }\n"
        f"echo '{answer}'\n"
    )
    go.chmod(0o755)
    pins = tmp_path / "pins"
    pins.mkdir()
    (pins / "go.mod").write_text(f"module x\nrequire {MODULE} v1.0.0\n")
    (pins / "go.sum").write_text("good\n")
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    monkeypatch.setenv("SKILL_CACHE_DIR", str(tmp_path / "cache"))
    return pins


async def test_the_files_of_a_folder_by_name_fetched_once(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):
        found = await module_files(folder, MODULE, "crd", silent)
        assert [path.read_text() for path in found] == ["a.yaml", "b.yaml"]
    assert (tmp_path / "asked").read_text().splitlines() == [f"mod download -json {MODULE}"]


async def test_what_go_sum_does_not_know_is_refused_and_not_kept(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "go.sum").write_text("other\n")
    said: list[Event] = []
    with pytest.raises(BuildFailed, match=r"cannot be fetched: .*checksum mismatch"):
        await module_files(folder, MODULE, "crd", said.append)
    kept = [p for p in (tmp_path / "cache").rglob("*") if p.is_file() and p.suffix != ".lock"]
    assert kept == []


async def test_a_folder_that_the_module_lacks_is_named(folder: Path) -> None:
    with pytest.raises(BuildFailed, match="has no folder config"):
        await module_files(folder, MODULE, "config", silent)
