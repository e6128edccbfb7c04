"""Proofs: which of them run, when the last one counts, and what becomes of one that fails."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.execution.state import Options
from skill_runner.installations import store
from skill_runner.plan import Installation
from tests.support.session import HOOKS, SKILL, Stage

DRILL = "  - {id: breaks, hook: break_it, kind: drill}\n"
CALLED = """
async def break_it(ctx):
    return "broken and mended"
"""


def with_drill(stage: Stage) -> None:
    folder = stage.folder / "skills" / "demo-setup"
    (folder / "skill.yaml").write_text(SKILL.replace("makes:", f"{DRILL}makes:", 1))
    (folder / "hooks.py").write_text(HOOKS + CALLED)


async def test_a_proof_that_passed_is_told_with_its_age(stage: Stage) -> None:
    await stage.run()
    began = stage.cluster.clock.monotonic()
    await stage.cluster.clock.sleep(2 * 86_400)
    assert stage.cluster.clock.monotonic() - began >= 2 * 86_400
    assert (await stage.run()).proof == {"answers": "passed 2 d ago"}


async def test_it_runs_again_when_something_changed_or_it_is_asked_for(stage: Stage) -> None:
    await stage.run()
    assert (await stage.run("replicas=2")).proof == {"answers": "passed: 2 replicas answer"}
    asked = await stage.run(options=Options(prove=True))
    assert (asked.status, asked.proof) == ("unchanged", {"answers": "passed: 2 replicas answer"})


async def test_a_drill_runs_only_when_it_is_asked_for(stage: Stage) -> None:
    with_drill(stage)
    assert "breaks" not in (await stage.run()).proof
    drilled = await stage.run(options=Options(prove=True, drills=True))
    assert drilled.proof["breaks"] == "passed: broken and mended"


async def test_a_failed_proof_names_itself_and_keeps_what_its_hook_said(stage: Stage) -> None:
    failed = await stage.run("replicas=7")
    assert failed.proof == {"answers": "failed"}
    problem = failed.problem
    assert problem is not None
    assert (problem.code, problem.resource) == (
        "PROOF_FAILED",
        "proof answers of demo/demo-setup",
    )
    assert (problem.cause, problem.retryable) == ("hook prove: seven is not proven", True)
    assert problem.evidence[0] == "evidence of seven"


async def test_only_a_proof_that_passed_is_recorded(stage: Stage) -> None:
    await stage.run("replicas=7")
    kept = await store.read(stage.cluster, Installation("demo", "demo-setup"))
    assert kept is not None
    assert kept.proofs == {}
    await stage.run("replicas=2")
    kept = await store.read(stage.cluster, Installation("demo", "demo-setup"))
    assert kept is not None
    assert kept.proofs["answers"].status == "passed"


SEVERAL = """
prove:
  - {id: reads, hook: prove_both, kind: probe}
  - {id: writes, hook: prove_both, kind: probe}
  - {id: forgotten, hook: prove_both, kind: probe, when: replicas == 4}
makes:"""
BOTH = """
async def prove_both(ctx):
    await ctx.cluster.list("v1", "ConfigMap", labels="both")
    writes = GiveUp("it is read-only\\nevidence", code="VOLUME_UNBOUND", resource="Pod demo/a")
    return {"reads": "a", "writes": writes if ctx.inputs["replicas"] == 3 else "b"}
"""


def with_several(stage: Stage) -> None:
    folder = stage.folder / "skills" / "demo-setup"
    head, _, tail = SKILL.partition("prove:")
    (folder / "skill.yaml").write_text(head + SEVERAL + tail.partition("makes:")[2])
    (folder / "hooks.py").write_text(HOOKS + BOTH)


async def test_a_hook_of_several_proofs_is_called_once_and_each_is_named(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_several(stage)
    asked: list[str | None] = []
    listed = stage.cluster.list

    async def counted(*words: Any, **more: Any) -> Any:
        asked.append(more.get("labels"))
        return await listed(*words, **more)

    monkeypatch.setattr(stage.cluster, "list", counted)
    ready = await stage.run()
    assert ready.proof == {"reads": "passed: a", "writes": "passed: b"}
    assert asked.count("both") == 1
    kept = await store.read(stage.cluster, Installation("demo", "demo-setup"))
    assert kept is not None
    assert set(kept.proofs) == {"reads", "writes"}


async def test_one_of_several_that_fails_is_named_beside_those_that_passed(stage: Stage) -> None:
    with_several(stage)
    failed = await stage.run("replicas=3")
    assert failed.proof == {"reads": "passed: a", "writes": "failed"}
    assert failed.problem is not None
    assert (failed.problem.code, failed.problem.resource) == ("VOLUME_UNBOUND", "Pod demo/a")
    assert failed.problem.cause == "it is read-only"


async def test_a_proof_of_which_its_hook_says_nothing_has_failed(stage: Stage) -> None:
    with_several(stage)
    failed = await stage.run("replicas=4")
    assert failed.proof == {"reads": "passed: a", "writes": "passed: b", "forgotten": "failed"}
    assert failed.problem is not None
    assert failed.problem.cause == "hook prove_both: it says nothing of this proof"
