"""`skill why` of an installation that looks well also asks the proofs that only read."""

from __future__ import annotations

import pytest

from skill_runner.actions import request
from skill_runner.actions.why import why_installation
from skill_runner.outcome import Outcome
from skill_runner.runs.folder import Run
from tests.support.session import SKILL, Stage


async def why(stage: Stage) -> Outcome:
    target = await request.find_record(stage.world, "demo-setup", None)
    run = Run("why", stage.folder / "why")
    return await why_installation(stage.world, run, target, stage.library)


@pytest.mark.parametrize(("kind", "status"), [("observe", "failed"), ("probe", "ready")])
async def test_what_a_reading_proof_finds_is_told(stage: Stage, kind: str, status: str) -> None:
    file = stage.folder / "skills" / "demo-setup" / "skill.yaml"
    file.write_text(SKILL.replace("kind: probe", f"kind: {kind}"))
    await stage.run("replicas=7")
    writes = stage.writes()
    said = await why(stage)
    assert said.status == status
    if said.problem is not None:
        assert "seven is not proven" in said.problem.cause
        assert "evidence of seven" in said.problem.evidence
    assert stage.writes() == writes
    assert (said.exit_code, said.problem is None) == (
        (1, False) if status == "failed" else (0, True)
    )


async def test_nothing_is_wrong_where_they_pass(stage: Stage) -> None:
    file = stage.folder / "skills" / "demo-setup" / "skill.yaml"
    file.write_text(SKILL.replace("kind: probe", "kind: observe"))
    await stage.run()
    said = await why(stage)
    assert said.status == "ready"
    assert said.notes[0] == "no problems found"
