"""`skill verify`: an installation as it stands, proven again, and nothing of it written."""

from __future__ import annotations

import pytest

from skill_runner.actions import verify
from skill_runner.errors import UsageError
from skill_runner.outcome import Outcome
from skill_runner.runs.folder import Run
from tests.support.session import DEPLOYMENT, SKILL, Stage


async def verified(stage: Stage, *, observe: bool = False) -> Outcome:
    folder = stage.folder / "verify"
    folder.mkdir(exist_ok=True)
    run = Run("verify", folder)
    return await verify.verify(
        stage.world, run, stage.library, "demo-setup", None, observe=observe, timeout=30
    )


async def test_what_stands_is_proven_again_and_nothing_is_written(stage: Stage) -> None:
    await stage.run("replicas=2")
    stage.cluster.requests.clear()
    outcome = await verified(stage)
    assert (outcome.status, outcome.exit_code) == ("ready", 0)
    assert outcome.proof == {"answers": "passed: 2 replicas answer"}
    assert outcome.outputs == {"address": "app.demo.svc:80"}
    assert stage.cluster.writes == ()


async def test_an_object_that_is_gone_fails_it(stage: Stage) -> None:
    await stage.run()
    await stage.cluster.delete(DEPLOYMENT)
    outcome = await verified(stage)
    assert outcome.exit_code != 0
    assert outcome.problem is not None
    assert "Deployment" in str(outcome.problem.resource)
    assert (outcome.proof, outcome.outputs) == ({}, {})


async def test_a_release_that_is_gone_is_named(stage: Stage) -> None:
    await stage.run()
    await stage.helm.uninstall("app", "demo")
    outcome = await verified(stage)
    assert outcome.status == "failed"
    assert outcome.problem is not None
    assert "release demo/app is gone" in outcome.problem.cause


async def test_a_proof_that_fails_now_fails_it(stage: Stage) -> None:
    await stage.run()
    hooks = stage.folder / "skills" / "demo-setup" / "hooks.py"
    hooks.write_text(hooks.read_text().replace('["replicas"] == 7', '["replicas"] == 1'))
    outcome = await verified(stage)
    assert (outcome.status, outcome.proof) == ("failed", {"answers": "failed"})
    assert outcome.problem is not None
    assert outcome.problem.code == "PROOF_FAILED"


@pytest.mark.parametrize(("kind", "asked"), [("probe", False), ("observe", True), ("drill", False)])
async def test_who_only_observes_asks_only_proofs_that_read(
    stage: Stage, kind: str, asked: bool
) -> None:
    file = stage.folder / "skills" / "demo-setup" / "skill.yaml"
    file.write_text(SKILL.replace("kind: probe", f"kind: {kind}"))
    await stage.run()
    assert ("answers" in (await verified(stage, observe=True)).proof) == asked


async def test_an_unknown_name_is_a_usage_error(stage: Stage) -> None:
    with pytest.raises(UsageError, match="no installation"):
        await verified(stage)
