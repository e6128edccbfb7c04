"""Governance files: every mistake at once, each with its line; what `extends` takes over."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from skill_runner.compliance.reader import find_governance, governance_schema, read_governance
from skill_runner.errors import SkillFileError

GOOD = """\
schema: 1
name: shop
outside: ["kube-*"]
services: {namespaces: [shop]}
rules:
  - id: limits
    rule: resources
    title: Limits are set
    section: Deployment
    severity: warning
    exceptions:
      - {object: Deployment shop/web, reason: The chart has no field., until: 2027-01-31}
  - id: topic-names
    parameters: {pattern: "shop\\\\..*"}
checklist:
  - {asks: Limits?, rules: [limits]}
"""


def _file(folder: Path, text: str) -> Path:
    file = folder / "governance.yaml"
    file.write_text(text)
    return file


def _problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(SkillFileError) as raised:
        read_governance(_file(folder, text))
    prefix = f"{folder / 'governance.yaml'}:"
    return [line.removeprefix(prefix) for line in raised.value.listed]


def test_a_rule_set(tmp_path: Path) -> None:
    found = read_governance(_file(tmp_path, GOOD))
    limits, topics = found.rulings
    assert (limits.id, limits.rule.name, limits.title) == ("limits", "resources", "Limits are set")
    assert limits.severity == "warning"
    (allowed,) = limits.exceptions
    assert (allowed.until, allowed.where) == (
        date(2027, 1, 31),
        f"{tmp_path / 'governance.yaml'}:12",
    )
    assert allowed.covers("Deployment shop/web container app")
    assert not allowed.covers("Deployment shop/webshop container app")
    assert topics.title == "Every topic is named as the document says"
    assert topics.parameters == {"pattern": "shop\\..*"}
    assert found.is_outside("kube-system")
    assert not found.is_outside("shop")


def test_every_mistake_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = """\
schema: 1
name: shop
rules:
  - id: resorces
  - id: topic-names
    parameters: {patern: a, pattern: "("}
  - id: resources
    parameters: {cpu: 1}
    severity: fatal
  - id: resources
    exceptions:
      - {object: web, reason: short}
      - {object: Deployment shop/web, reason: A good reason., until: 2027-02-30}
checklist:
  - {asks: Limits?, rules: [limit]}
extends: learnflo
"""
    found = _problems(tmp_path, text)
    for line in (
        "4:5: there is no rule 'resorces'; did you mean 'resources'?",
        "6:18: topic-names has no parameter 'patern'; did you mean 'pattern'?",
        "8:18: resources has no parameter 'cpu'; it takes none",
        "10:5: the rule resources is there already (line 7)",
        "13:63: until: 2027-02-30 is not a day of the calendar",
        "15:29: the set has no rule 'limit' (rules: topic-names, resources)",
        "16:1: no rule set 'learnflo' ships; did you mean 'learnflow'?",
    ):
        assert line in found
    starts = [line.partition(" ")[0] for line in found]
    assert {"6:29:", "9:5:", "12:10:", "12:23:"} <= set(starts)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: [", "2:1: did not find"),
        ("[]", "1:1: expected a mapping"),
        ("schema: 2\nname: a\nrules: []\n", "1:1: must be 1"),
        ("a: !!python/object:os.system b\n", "the tag"),
    ],
)
def test_what_is_no_rule_set_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SkillFileError, match=r"governance\.yaml") as raised:
        read_governance(_file(tmp_path, text))
    assert words in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SkillFileError, match="cannot be read: No such file"):
        find_governance(str(tmp_path / "none.yaml"))
    with pytest.raises(SkillFileError, match="no rule set 'learnfow'; did you mean 'learnflow'"):
        find_governance("learnfow")


def test_extends_changes_only_what_is_named(tmp_path: Path) -> None:
    shipped = find_governance("learnflow")
    text = """\
schema: 1
name: ours
extends: learnflow
rules:
  - id: network-paths
    exceptions: [{object: "Deployment learnflow/web", reason: It is behind a mesh.}]
  - {id: topic-names, parameters: {pattern: "ours.*"}}
  - {id: service-links}
"""
    ours = read_governance(_file(tmp_path, text))
    assert [each.id for each in ours.rulings] == [
        *(each.id for each in shipped.rulings),
        "service-links",
    ]
    by_id = {each.id: each for each in ours.rulings}
    assert by_id["network-paths"].severity == "warning"
    assert by_id["network-paths"].title == "Only the paths of the diagram are open"
    assert len(by_id["network-paths"].exceptions) == 1
    assert by_id["topic-names"].parameters == {"pattern": "ours.*"}
    assert ours.checklist == shipped.checklist
    assert ours.outside == shipped.outside
    assert ours.services == shipped.services


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(dict(governance_schema()))
    assert json.dumps(governance_schema())


def test_the_checklist_of_the_document_has_its_seven_questions() -> None:
    assert len(find_governance("learnflow").checklist) == 7
