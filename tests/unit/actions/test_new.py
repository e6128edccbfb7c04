"""What `skill new app` makes works as it is: its own tests pass, and its files fit each other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from skill_runner.actions.new import write_template
from skill_runner.skill.shipped import shipped


@pytest.fixture
def service(tmp_path: Path) -> Path:
    write_template(shipped("templates") / "fastapi-service", tmp_path, "lessons")
    return tmp_path / "lessons"


def test_the_tests_of_a_fastapi_service_pass(service: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=service,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # those of our own tests
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^[2-9]\d passed", done.stdout, re.MULTILINE)


def test_every_package_of_a_fastapi_service_is_pinned_with_its_hash(service: Path) -> None:
    text = (service / "requirements.txt").read_text()
    packages = [block for block in re.split(r"\n(?=\S)", text) if "==" in block]
    assert len(packages) > 10
    assert all("--hash=sha256:" in block for block in packages)
    for line in (service / "requirements.in").read_text().split():
        assert f"{line} \\" in text
