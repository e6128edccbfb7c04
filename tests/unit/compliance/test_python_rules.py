"""Rules of a user's own, as Python files in a folder beside the rule set."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.compliance.judge import judge
from skill_runner.compliance.reader import read_governance
from skill_runner.errors import SkillFileError
from tests.support.governed import scene

TEAM = """
def look(obj, scene, parameters):
    team = (obj["metadata"].get("labels") or {}).get(parameters["label"])
    if not team:
        yield "metadata.labels", team, f"it names no {parameters['label']}"

RULES = [{
    "name": "team-label", "asks": "Every Deployment names its team.", "why": "Ask somebody.",
    "remedy": "Set the label.", "kinds": ["apps/v1 Deployment"], "look": look,
    "parameters": {"label": {"type": "string", "default": "team"}},
}]
"""
SET = """\
schema: 1
name: ours
python: rules
rules:
  - {id: team-label, title: A team for each, section: Ours}
"""


def _written(folder: Path, code: str, text: str = SET) -> Path:
    (folder / "rules").mkdir()
    (folder / "rules" / "own.py").write_text(code)
    file = folder / "governance.yaml"
    file.write_text(text)
    return file


def test_a_rule_of_ones_own_is_a_rule_like_all_others(tmp_path: Path) -> None:
    (answer,) = judge(read_governance(_written(tmp_path, TEAM)), scene()).answers
    assert (answer.status, answer.looked) == ("fail", 1)
    (evidence,) = answer.evidence
    assert evidence.resource == "Deployment learnflow/sound"
    assert evidence.message == "it names no team"
    assert evidence.who == "helm"


def test_its_parameters_are_checked(tmp_path: Path) -> None:
    text = SET.replace("section: Ours", "section: Ours, parameters: {label: 3}")
    with pytest.raises(SkillFileError, match="label: expected text; got 3"):
        read_governance(_written(tmp_path, TEAM, text))


def test_a_rule_that_raises_is_unknown_and_the_rest_is_answered(tmp_path: Path) -> None:
    code = TEAM.replace("    team = (obj", "    raise ValueError('\\x1b[31mno')\n    team = (obj")
    text = f"{SET}  - {{id: pinned-image}}\n"
    answers = judge(read_governance(_written(tmp_path, code, text)), scene()).answers
    found = {answer.rule: answer for answer in answers}
    assert found["team-label"].status == "unknown"
    assert "failed: ValueError: “no”" in found["team-label"].why
    assert found["pinned-image"].status == "pass"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("1/0", "ZeroDivisionError"),
        ("x = 1", "it has no list RULES"),
        ("RULES = [{'name': 'a'}]", "RULES[0]: asks, why, remedy, kinds, look missing"),
        (TEAM.replace("team-label", "resources"), "there is a rule resources already"),
        (TEAM.replace('"look": look', '"look": 3'), "look: expected a function"),
        (TEAM.replace("apps/v1 Deployment", "Deployment"), "kinds: expected a list"),
        (TEAM.replace('"string"', '"strng"'), "parameters.label: "),
        (TEAM.replace('"kinds"', '"knds"'), "kinds missing"),
    ],
)
def test_mistakes_name_the_file_and_the_rule(tmp_path: Path, code: str, words: str) -> None:
    with pytest.raises(SkillFileError, match=r"own\.py") as raised:
        read_governance(_written(tmp_path, code))
    assert words in str(raised.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "governance.yaml"
    file.write_text(SET)
    with pytest.raises(SkillFileError, match="there is no folder"):
        read_governance(file)
