"""The files of a release in empty environments: skills and templates are in them, and found."""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from skill_runner import __version__
from tests.support.installed import Release, build_release, make_environment, run
from tests.support.paths import ROOT

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return build_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module", params=["wheel", "sdist"])
def skill(
    request: pytest.FixtureRequest, release: Release, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The `skill` command in an environment that holds nothing but the release."""
    archive: Path = getattr(release, request.param)
    return make_environment(tmp_path_factory.mktemp("empty"), archive) / "skill"


def test_the_wheel_holds_skills_and_templates_and_nothing_stray(release: Release) -> None:
    names = zipfile.ZipFile(release.wheel).namelist()
    for name in (
        "skill_runner/_library/skills/kafka-k8s-setup/skill.yaml",
        "skill_runner/_library/skills/kafka-k8s-setup/chart/Chart.yaml",
        "skill_runner/_library/templates/skill/skill.yaml",
        "skill_runner/skill/loader/skill.schema.json",
        "skill_runner/py.typed",
    ):
        assert name in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests/")]


def test_the_sdist_holds_what_the_wheel_is_built_from_and_its_documents(release: Release) -> None:
    with tarfile.open(release.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"} <= names
    assert "skills/kafka-k8s-setup/skill.yaml" in names
    assert not [name for name in names if "__pycache__" in name]


def test_an_empty_environment_lists_describes_and_validates(skill: Path, tmp_path: Path) -> None:
    names = [each["name"] for each in json.loads(run([skill, "list", "-o", "json"]))["skills"]]
    assert names == sorted(folder.parent.name for folder in ROOT.glob("skills/*/skill.yaml"))
    document = json.loads(run([skill, "describe", "kafka-k8s-setup", "-o", "json"]))
    assert "_library" in document["folder"]
    assert json.loads(run([skill, "validate", "-o", "json"]))["ok"] is True
    run([skill, "new", "skill", "mine"], cwd=tmp_path)
    assert json.loads(run([skill, "validate", "./mine", "-o", "json"], cwd=tmp_path))["ok"] is True


def test_the_changelog_begins_with_the_version_of_the_release(skill: Path) -> None:
    said = run([skill, "--version"])
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    (newest, *_) = re.findall(r"^## \[(\d[^\]]*)\]", text, re.MULTILINE)
    assert newest == __version__
    assert said.split()[-1] == newest
