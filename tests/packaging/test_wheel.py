"""The built wheel in an empty environment: skills and templates are in it, and found."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def _run(argv: Sequence[str | Path], **where: Path) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **where)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an empty virtual environment."""
    folder = tmp_path_factory.mktemp("empty")
    _run([sys.executable, "-m", "venv", folder])
    return folder / "bin"


@pytest.fixture(scope="module")
def wheel(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run([environment / "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", folder, ROOT])
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def skill(environment: Path, wheel: Path) -> Path:
    """The `skill` command in an environment that holds nothing but the wheel."""
    _run([environment / "pip", "install", "--quiet", "--no-compile", wheel])
    return environment / "skill"


def test_the_wheel_holds_skills_and_templates_and_nothing_stray(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "skill_runner/_library/skills/kafka-k8s-setup/skill.yaml",
        "skill_runner/_library/skills/kafka-k8s-setup/chart/Chart.yaml",
        "skill_runner/_library/templates/skill/skill.yaml",
        "skill_runner/skill/loader/skill.schema.json",
        "skill_runner/py.typed",
    ):
        assert name in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests/")]


def test_an_empty_environment_lists_describes_and_validates(skill: Path, tmp_path: Path) -> None:
    names = [each["name"] for each in json.loads(_run([skill, "list", "-o", "json"]))["skills"]]
    assert "kafka-k8s-setup" in names
    document = json.loads(_run([skill, "describe", "kafka-k8s-setup", "-o", "json"]))
    assert "_library" in document["folder"]
    assert json.loads(_run([skill, "validate", "-o", "json"]))["ok"] is True
    _run([skill, "new", "skill", "mine"], cwd=tmp_path)
    assert json.loads(_run([skill, "validate", "./mine", "-o", "json"], cwd=tmp_path))["ok"] is True
