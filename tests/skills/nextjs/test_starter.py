"""The starter's own tests, as whoever begins with it runs them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from skill_runner.skill.shipped import shipped

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(shutil.which("npm") is None, reason="no npm: make test-system"),
]


def test_they_pass(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(
        shipped("templates") / "nextjs-app",
        folder,
        ignore=shutil.ignore_patterns("node_modules", ".next"),
    )
    for words in (["ci", "--prefer-offline", "--no-audit"], ["test"]):
        done = subprocess.run(
            ["npm", *words], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout
