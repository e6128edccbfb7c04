"""Plans held to a rule set before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.actions import run as graph
from skill_runner.compliance.governance import Governance
from skill_runner.compliance.reader import read_governance
from skill_runner.errors import PreflightFailed
from skill_runner.execution.state import Options
from skill_runner.outcome import Outcome
from skill_runner.runs.folder import Run
from tests.support.graph import Stage

RULES = """\
schema: 1
name: ours
rules:
  - {id: topic-names, parameters: {pattern: 'ours\\..*'}}
  - {id: no-manual-kubectl}
  - {id: proven, severity: warning}
"""


def _rules(folder: Path, text: str = RULES) -> Governance:
    file = folder / "governance.yaml"
    file.write_text(text)
    return read_governance(file)


async def _run(stage: Stage, folder: Path, topics: str, governance: Governance) -> Outcome:
    request = stage.request("bus", f"topics={topics}")
    run = Run("run", folder)
    return await graph.run([request], stage.world, stage.library, run, Options(), governance)


async def test_a_plan_that_would_break_a_rule_is_refused_before_anything_is_touched(
    tmp_path: Path,
) -> None:
    stage = Stage.of(tmp_path, {"bus": []})
    with pytest.raises(PreflightFailed) as raised:
        await _run(stage, tmp_path, "[orders, ours.a]", _rules(tmp_path))
    problem = raised.value.problem
    assert problem.code == "POLICY_VIOLATION"
    assert problem.cause == "1 object breaks the rules of ours"
    (line,) = problem.evidence
    assert line.endswith("/bus: the topic orders does not match ours\\..* (topic-names)")
    assert problem.fix.startswith("Name the topic")
    assert stage.writes() == []
    planned = stage.request("bus", "topics=[orders]")
    with pytest.raises(PreflightFailed):
        await graph.plan([planned], stage.world, stage.library, governance=_rules(tmp_path))


async def test_a_plan_that_keeps_them_runs_and_rules_about_what_runs_are_not_asked(
    tmp_path: Path,
) -> None:
    stage = Stage.of(tmp_path, {"bus": []})
    outcome = await _run(stage, tmp_path, "[ours.a]", _rules(tmp_path))
    assert outcome.status == "ready"


async def test_a_warning_does_not_refuse(tmp_path: Path) -> None:
    stage = Stage.of(tmp_path, {"bus": []})
    text = RULES.replace("topic-names,", "topic-names, severity: warning,")
    governance = _rules(tmp_path, text)
    outcome = await graph.plan(
        [stage.request("bus", "topics=[orders]")],
        stage.world,
        stage.library,
        governance=governance,
    )
    assert any("does not match" in note for note in outcome.notes)
