"""list, describe, validate and new, as their callers see them: stdout, stderr, exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from skill_runner.cli import main
from tests.support.paths import SKILLS

ECHO = str(SKILLS / "echo")

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_helm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """These tests need no Helm, and find none."""
    monkeypatch.setenv("SKILL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SKILL_PATH", str(SKILLS))
    monkeypatch.setenv("SKILL_ASSETS", "download")


def _json(capsys: Capture, *arguments: str, code: int = 0) -> Any:
    assert main.run([*arguments, "-o", "json"]) == code
    return json.loads(capsys.readouterr().out)


def test_list_shows_name_version_and_summary(capsys: Capture) -> None:
    assert main.run(["list"]) == 0
    out = capsys.readouterr().out
    assert "echo" in out
    assert "0.2.0" in out
    assert "kafka-k8s-setup" in out
    names = {skill["name"] for skill in _json(capsys, "list")["skills"]}
    assert {"echo", "kafka-k8s-setup"} <= names


def test_list_shows_a_broken_skill_without_losing_the_others(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "skill.yaml").write_text("schema: 1\n")
    monkeypatch.setenv("SKILL_PATH", f"{SKILLS}:{tmp_path}")
    skills = {skill["name"]: skill for skill in _json(capsys, "list")["skills"]}
    assert "mistakes" in skills["broken"]["error"]
    assert skills["echo"]["version"] == "0.2.0"


def test_describe_shows_inputs_effects_and_undoing(capsys: Capture) -> None:
    assert main.run(["describe", "echo"]) == 0
    out = capsys.readouterr().out
    for text in ("greeting", "integer 1…5", "fixed once installed", "secret", "skill run echo"):
        assert text in out


def test_describe_gives_agents_a_json_schema_of_the_inputs(capsys: Capture) -> None:
    document = _json(capsys, "describe", ECHO)
    assert document["schema"] == "skill-runner/skill/v1"
    Draft202012Validator.check_schema(document["inputs"])
    assert document["changes"]["storage"] == "grow"
    assert document["outputs"] == ["login", "replicas", "url"]


def test_an_unknown_skill_is_a_usage_error(capsys: Capture) -> None:
    assert main.run(["describe", "ecko"]) == 2
    captured = capsys.readouterr()
    assert "did you mean 'echo'?" in captured.err
    assert captured.out == ""


def test_validate_a_good_skill(capsys: Capture) -> None:
    assert main.run(["validate", ECHO]) == 0
    assert "✓ echo" in capsys.readouterr().out
    document = _json(capsys, "validate", ECHO)
    assert document["ok"] is True
    assert document["charts"] is False
    assert document["skills"][0]["trials"] == ["defaults"]


def test_validate_reports_every_mistake_of_every_skill(capsys: Capture, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ECHO, tmp_path / "echo"))
    text = (folder / "skill.yaml").read_text()
    text = text.replace("hook: seed", "hok: seed").replace("1.29.3", "latest")
    (folder / "skill.yaml").write_text(text)
    assert main.run(["validate", str(folder), ECHO]) == 2
    out = capsys.readouterr().out
    assert f"{folder}/skill.yaml:21:12: the image" in out
    assert "a step is exactly one of" in out
    assert "✓ echo" in out
    document = _json(capsys, "validate", str(folder), code=2)
    assert len(document["skills"][0]["problems"]) == 2


def test_a_new_skill_validates_as_it_is(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.run(["new", "skill", "redis-cache"]) == 0
    assert "skill validate ./redis-cache" in capsys.readouterr().out
    document = _json(capsys, "validate", "redis-cache")
    assert document["skills"][0]["trials"] == [
        "defaults",
        "tests/several_replicas.yaml",
        "tests/too_many_replicas.yaml",
    ]
    files = [path for path in (tmp_path / "redis-cache").rglob("*") if path.is_file()]
    assert not any("SKILL_NAME" in path.read_text() for path in files)


@pytest.mark.parametrize("name", ["Redis", "-a", "a--b", "a_b", "../x", "", "a" * 41])
def test_a_name_that_cannot_be_one_is_refused(capsys: Capture, tmp_path: Path, name: str) -> None:
    assert main.run(["new", "skill", "--in", str(tmp_path), "--", name]) == 2
    assert "is not a valid name for a skill" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert main.run(["new", "skill", "mine", "--in", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.parametrize(
    ("template", "skill"),
    [
        ("fastapi-service", "skill run fastapi-dapr-agent --name lessons --set source="),
        ("nextjs-app", "skill run nextjs-k8s-deploy --name lessons --set source="),
        ("docusaurus-site", "skill run docusaurus-deploy --name lessons --set source="),
    ],
)
def test_a_new_application_names_the_skill_that_deploys_it(
    capsys: Capture, tmp_path: Path, template: str, skill: str
) -> None:
    made = ("new", "app", "lessons", "--template", template, "--in", str(tmp_path))
    document = _json(capsys, *made)
    assert any(step.startswith(skill) for step in document["next"])
    files = [Path(file) for file in document["files"]]
    assert {tmp_path / "lessons" / ".gitignore"} <= set(files)
    assert not any("APP_NAME" in file.read_text() for file in files)
    assert not any("node_modules" in file.parts or "__pycache__" in file.parts for file in files)


def test_an_unknown_template_is_refused(capsys: Capture, tmp_path: Path) -> None:
    assert main.run(["new", "app", "x", "--template", "django", "--in", str(tmp_path)]) == 2
    assert "fastapi-service" in capsys.readouterr().err
