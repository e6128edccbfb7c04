from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from filelock import FileLock

from skill_runner import binaries
from skill_runner.binaries.catalogue import BY_TOOL, Part
from skill_runner.binaries.gobuild import build_command
from skill_runner.binaries.on_path import find_on_path, parse_version
from skill_runner.errors import AssetError, UsageError
from skill_runner.progress import Event, Note


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("SKILL_DOWNLOAD_MIRROR", raising=False)


def program(file: Path, says: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\necho {says}\n")
    file.chmod(0o755)
    return file


async def test_path_comes_first_in_a_suitable_version(tmp_path: Path) -> None:
    binary = program(tmp_path / "bin/helm", "v4.1.0")
    assert await binaries.ensure("helm") == binary


async def test_unsuitable_version_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "bin/helm", "v3.19.1")
    cached = program(tmp_path / f"cache/assets/{_folder(BY_TOOL['helm'])}/helm", "v4.3.1")
    assert await binaries.ensure("helm") == cached


def test_every_kubernetes_binary_is_looked_at(tmp_path: Path) -> None:
    for tool in BY_TOOL["kubelet"].tools:
        program(tmp_path / "bin" / tool, "Kubernetes v1.37.1")
    program(tmp_path / "bin/kubelet", "Kubernetes v1.31.0")
    found, reason = find_on_path(BY_TOOL["kubelet"], str(tmp_path / "bin"))
    assert found == {}
    assert reason.endswith("is 1.31.0; 1.37 or later, below 1.38 is wanted")


async def test_error_says_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILL_ASSETS", "path")
    with pytest.raises(AssetError) as caught:
        await binaries.ensure_all(["etcd", "coredns"])
    text = str(caught.value)
    assert "etcd 3.7.3 cannot be had; tried:\n  PATH: etcd is not on PATH" in text
    assert "coredns 1.15.0 cannot be had" in text
    assert "SKILL_DOWNLOAD_MIRROR" in text


async def test_unreachable_mirror_and_no_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILL_ASSETS", "download")
    monkeypatch.setenv("SKILL_DOWNLOAD_MIRROR", "http://127.0.0.1:1")
    with pytest.raises(AssetError, match=r"download: 127\.0\.0\.1:1 does not answer"):
        await binaries.ensure("etcd")
    leftovers = [
        f for f in binaries.cache_folder().rglob("*") if f.suffix != ".lock" and f.is_file()
    ]
    assert leftovers == []


async def test_a_second_process_waits_for_the_first(tmp_path: Path) -> None:
    part = BY_TOOL["helm"]
    folder = tmp_path / "cache/assets" / _folder(part)
    folder.parent.mkdir(parents=True)
    other = FileLock(f"{folder}.lock")
    other.acquire()
    told = asyncio.Event()

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            told.set()

    waiting = asyncio.create_task(binaries.ensure("helm", report=listen))
    await told.wait()
    binary = program(folder / "helm", "v4.3.1")
    other.release()
    assert await waiting == binary


async def test_unknown_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no asset is called 'kubectl'; there are: containerd"):
        await binaries.ensure("kubectl")
    monkeypatch.setenv("SKILL_ASSETS", "guess")
    with pytest.raises(UsageError, match="'guess'; expected one of auto, path, download, build"):
        await binaries.ensure("helm")


def test_every_build_is_pinned() -> None:
    modules = Path(binaries.__file__).parent / "modules"
    for part in binaries.PARTS:
        if part.build is None:
            continue
        pinned = (modules / part.name / "go.mod").read_text()
        assert f" v{part.version}" in pinned, part.name
        assert (modules / part.name / "go.sum").stat().st_size > 0
        made = [line.strip().rpartition("/")[2] for line in pinned.splitlines()]
        renames = {new: old for old, new in part.build.renames}
        for tool in part.tools:
            if part.name != "etcd":
                assert any(renames.get(tool, tool) in line for line in made), tool


def test_build_command_stamps_the_version() -> None:
    build = BY_TOOL["helm"].build
    assert build is not None
    command = build_command("go", build)
    assert command[-1] == "tool"
    assert "helm.sh/helm/v4/internal/version.version=v4.3.1" in command[-2]


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("Kubernetes v1.37.2", (1, 37, 2)),
        ("etcd Version: 3.7.3\nGit SHA: x", (3, 7, 3)),
        ("containerd github.com/containerd/containerd/v2 v2.4.2 ", (2, 4, 2)),
        ("runc version 1.1.5+ds1\ncommit: 1.1.5", (1, 1, 5)),
        ("CNI ptp plugin v1.9.1", (1, 9, 1)),
        ("no version", None),
    ],
)
def test_versions(said: str, version: tuple[int, ...] | None) -> None:
    assert parse_version(said) == version


def _folder(part: Part) -> str:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    return f"{part.name}-{part.version}-linux-{machine}"
