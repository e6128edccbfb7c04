"""An audit for people and for programs: 80 columns, failures first, 4 KB, nobody's escape codes."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

from rich.cells import cell_len
from rich.console import Console

from skill_runner.actions.compliance.audit import LIMIT, Audit, document, to_json
from skill_runner.cli.compliance_display import WIDTH, show
from skill_runner.compliance.judge import judge
from skill_runner.compliance.reader import find_governance
from tests.support.governed import cases, scene

HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold red]web[/]\u202e\n\nfake line 程序程序程序"
LEARNFLOW = find_governance("learnflow")


def _audit(*entries: Any) -> Audit:
    return Audit(
        governance=LEARNFLOW,
        verdict=judge(LEARNFLOW, scene(*entries)),
        cluster={"context": "c", "server": "https://c"},
        namespaces=(),
        objects=3,
        lists=1,
        acts=None,
    )


def _text(audit: Audit, *, full: bool = False) -> str:
    out = io.StringIO()
    show(document(audit, exit_code=audit.exit_code()), Console(file=out, width=WIDTH), full=full)
    return out.getvalue()


def test_failures_come_first_with_object_field_writer_and_remedy() -> None:
    text = _text(_audit([{"deployment": "web", "container": {"image": "web"}}]))
    lines = text.splitlines()
    rules = [line for line in lines if line.startswith(tuple("✗?✓-"))]
    assert rules[0].startswith("✗ Images are pinned")
    assert [line[0] for line in rules] == sorted((line[0] for line in rules), key="✗?✓-".index)
    assert "Deployment learnflow/web container app: the image web has no tag" in text
    assert "by helm, 2027-01-01T00:00:00Z" in " ".join(text.split())
    assert "fix: Name a version" in text
    assert "All services containerized" in text


def test_it_fits_eighty_columns_whatever_is_in_it() -> None:
    names = [{"deployment": f"web-{HOSTILE}-{'x' * 90}", "container": {"image": HOSTILE}}]
    everything = [entry for case in cases("planted") for entry in case["objects"]]
    for full in (False, True):
        text = _text(_audit(names, everything), full=full)
        assert max(cell_len(line) for line in text.splitlines()) <= WIDTH
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "[bold red]web[/]" in text.replace("\n    ", "")
        assert not any(line.startswith("fake line") for line in text.splitlines())


def test_evidence_is_shortened_and_said_to_be() -> None:
    many = [{"deployment": f"web-{n}", "container": {"image": "web"}} for n in range(12)]
    short, whole = _text(_audit(many)), _text(_audit(many), full=True)
    assert "more (--full)" in short
    assert "more (--full)" not in whole
    assert "Deployment learnflow/web-11 container app" in whole


def test_the_document_is_at_most_four_kilobytes_and_keeps_the_failures() -> None:
    everything = [entry for case in cases("planted") for entry in case["objects"]]
    many = [
        {"deployment": f"web-{n}-{HOSTILE}", "container": {"image": HOSTILE}} for n in range(50)
    ]
    audit = _audit(everything, many)
    text = to_json(audit, full=False, exit_code=1)
    assert len(text.encode()) < LIMIT
    short = json.loads(text)
    assert short["truncated"] is True
    failed = {each.rule for each in audit.verdict.answers if each.status == "fail"}
    assert {rule["rule"] for rule in short["rules"] if rule["status"] == "fail"} == failed
    assert "\\u001b" not in text
    whole = json.loads(to_json(audit, full=True, exit_code=1))
    assert "truncated" not in whole
    assert len(whole["rules"]) == len(LEARNFLOW.rulings)


def test_a_rule_set_of_very_many_rules_is_bounded_too() -> None:
    audit = _audit([{"deployment": "web", "container": {"image": "web"}}])
    rules = audit.verdict.answers * 60
    crowded = replace(audit, verdict=replace(audit.verdict, answers=rules))
    assert len(to_json(crowded, full=False, exit_code=1).encode()) < LIMIT
