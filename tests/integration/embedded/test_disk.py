"""A disk that is full, or fills while a cluster starts: one clear message, and nothing runs."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from skill_runner.clusters.embedded.host import processes
from tests.integration.embedded.host import skill, skill_ok

pytestmark = pytest.mark.root
MEBIBYTE = 1024**2


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    file, where = folder / "disk", folder / "small"
    where.mkdir()
    with file.open("wb") as image:
        image.truncate(mebibytes * MEBIBYTE)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", str(file)], check=True)
    subprocess.run(["mount", "-o", "loop", str(file), str(where)], check=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", str(where)], check=True)


@pytest.fixture
def name() -> str:
    return f"disk-{secrets.token_hex(3)}"


def test_a_full_disk_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_disk(tmp_path, 64) as small:
        monkeypatch.setenv("SKILL_CLUSTERS_DIR", str(small))
        answer = skill("cluster", "up", "--name", name)
    assert answer.returncode == 3
    assert f"0.1 GiB free below {small}; 2.0 GiB are needed" in answer.stderr


def test_a_disk_that_fills_while_a_cluster_starts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path, 2400) as small:
        monkeypatch.setenv("SKILL_CLUSTERS_DIR", str(small))
        command = [sys.executable, "-m", "skill_runner", "cluster", "up", "--name", name]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as starting:
            _until_node_runs(small / name)
            with (small / "filler").open("wb") as filler:
                os.posix_fallocate(filler.fileno(), 0, shutil.disk_usage(small).free - MEBIBYTE)
            _, said = starting.communicate(timeout=120)
        assert starting.returncode == 1
        assert f"the disk below {small / name} is full" in said
        assert _until_node_is_gone(small / name)
        assert skill_ok("cluster", "down", "--name", name) == f"Cluster {name} is gone.\n"


@retry(retry=retry_if_result(lambda ok: not ok), wait=wait_fixed(0.02), stop=stop_after_delay(60))
def _until_node_runs(folder: Path) -> bool:
    return processes.find_node_process(folder) is not None


@retry(retry=retry_if_result(lambda ok: not ok), wait=wait_fixed(0.02), stop=stop_after_delay(60))
def _until_node_is_gone(folder: Path) -> bool:
    return processes.find_node_process(folder) is None
