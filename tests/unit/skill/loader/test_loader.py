"""skill.yaml: what a good one becomes, and what each mistake is answered with.

A mistake is a file in cases/: a change to the skill `echo`, and what the answer must hold.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from skill_runner.errors import SkillFileError
from skill_runner.skill.loader import load_skill, skill_schema
from skill_runner.skill.loader.build import seconds
from skill_runner.skill.model import ApplyStep, HookStep, ReleaseStep
from tests.support.paths import ECHO

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """A copy of the skill `echo`, to be spoiled."""
    return Path(shutil.copytree(ECHO, tmp_path / "echo"))


def _spoil(folder: Path, case: dict[str, Any]) -> None:
    for name, (old, new) in case.get("replace", {}).items():
        text = (folder / name).read_text()
        assert text.count(old) >= 1, f"{name} does not hold {old!r}"
        (folder / name).write_text(text.replace(old, new, 1))
    for name, text in case.get("write", {}).items():
        (folder / name).write_text(text)
    for name, data in case.get("bytes", {}).items():
        (folder / name).write_bytes(bytes.fromhex(data))
    for name, target in case.get("link", {}).items():
        (folder / name).symlink_to(target)


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_a_mistake_is_named_with_its_place_and_remedy(case: Path, echo: Path) -> None:
    content = yaml.safe_load(case.read_text())
    _spoil(echo, content)
    with pytest.raises(SkillFileError) as caught:
        load_skill(echo)
    for line in content["says"]:
        assert line in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_skill_is_read_as_it_is_written() -> None:
    skill = load_skill(ECHO)
    assert (skill.name, skill.version, skill.on_failure) == ("echo", "0.2.0", "keep")
    assert [type(step) for step in skill.steps] == [ReleaseStep, ApplyStep, HookStep]
    assert skill.steps[0].timeout == 120.0  # type: ignore[union-attr]
    assert skill.prove[0].timeout == 30.0
    assert skill.inputs["storage"].change == "grow"
    assert "change" not in skill.inputs["storage"].schema
    assert skill.inputs["password"].secret
    assert set(skill.texts) == {"values/echo.yaml.j2", "manifests/pages.yaml.j2"}
    assert set(skill.digests) == {"chart/", "hooks.py"}


def test_the_digest_of_a_chart_changes_with_any_file_of_it(echo: Path) -> None:
    before = load_skill(echo).digests["chart/"]
    assert before == load_skill(ECHO).digests["chart/"]
    (echo / "chart" / "values.yaml").write_text("a: 1\n")
    assert load_skill(echo).digests["chart/"] != before


def test_loading_never_runs_the_hooks(echo: Path) -> None:
    hooks = echo / "hooks.py"
    hooks.write_text(hooks.read_text() + "\nraise SystemExit('was run')\n")
    load_skill(echo)


def test_a_folder_without_a_skill_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(SkillFileError, match="skill new skill NAME"):
        load_skill(tmp_path)


def test_every_key_of_the_schema_is_documented() -> None:
    schema = skill_schema()
    for where in (schema, *schema["$defs"].values()):
        for key, value in where.get("properties", {}).items():
            target = schema["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
            known = value.get("description") or target.get("description") or where is not schema
            assert known, key


@pytest.mark.parametrize(
    ("text", "expected"), [(90, 90.0), (0.5, 0.5), ("90s", 90.0), ("10m", 600.0), ("1h30m", 5400.0)]
)
def test_durations_are_seconds_or_have_units(text: str | float, expected: float) -> None:
    assert seconds(text) == expected


def test_a_skill_named_by_a_relative_path_has_an_absolute_folder(
    echo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recipe, a chart or a hook is found also from another folder, and never joined twice."""
    monkeypatch.chdir(echo.parent)
    assert load_skill(Path("echo")).folder == echo
