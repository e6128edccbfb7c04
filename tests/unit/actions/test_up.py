"""A platform brought up: its own proofs after all is ready, and each edge a line of the outcome."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skill_runner.actions.platform import Platform, read_platform
from skill_runner.actions.up import up, verify_platform
from skill_runner.execution.state import Options
from skill_runner.outcome import Outcome, to_dict
from skill_runner.progress import Event, Of, Standing
from skill_runner.runs.folder import Run
from tests.support.graph import Stage

FILE = """\
schema: 1
name: shop
installations:
  - skill: bus
    inputs: {level: LEVEL}
  - skill: app
prove:
  - id: order
    hook: order
    kind: probe
    edges:
      asks: {from: caller, to: app, by: HTTP}
      sends: {from: app, to: bus, by: an event}
  - id: storm
    hook: storm
    kind: drill
    edges:
      storms: {from: caller, to: bus, by: an event}
"""
HOOKS = """\
from skill_runner.hooks import GiveUp, NotFound, Ref, RetryLater

async def order(ctx):
    app, bus = ctx.of("app"), ctx.of("bus")
    async with ctx.edge("asks") as seen:
        seen(app.outputs["address"])
    async with ctx.edge("sends") as seen:
        found = await bus.get(Ref("v1", "ConfigMap", "bus", bus.namespace))
        seen("level " + found["data"]["level"])
    return "two edges"

async def storm(ctx):
    async with ctx.edge("storms") as seen:
        seen("dry")
"""


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage.of(tmp_path, {"bus": [], "app": [{"skill": "bus"}]})


def platform_of(stage: Stage, hooks: str = HOOKS, level: int = 1) -> Platform:
    file = stage.folder / "platform.yaml"
    file.write_text(FILE.replace("LEVEL", str(level)))
    (stage.folder / "hooks.py").write_text(hooks)
    return read_platform(file, stage.library)


def run_of(stage: Stage) -> Run:
    stage.runs += 1
    folder = stage.folder / f"up-{stage.runs}"
    folder.mkdir()
    return Run(folder.name, folder)


async def bring(stage: Stage, platform: Platform, *, drills: bool = False) -> Outcome:
    requests = [each.request("auto") for each in platform.wanted]
    run, options = run_of(stage), Options(drills=drills)
    return await up(platform, requests, stage.world, stage.library, run, options)


async def look(stage: Stage, platform: Platform) -> Outcome:
    run = run_of(stage)
    return await verify_platform(
        platform, stage.world, run, stage.library, observe=False, timeout=30
    )


def edges(outcome: Outcome) -> list[tuple[Any, ...]]:
    found = to_dict(outcome).get("edges", [])
    return [(e["from"], e["to"], e["status"], e.get("message", "")) for e in found]


SEEN = [("caller", "app", "seen", "app.aaa.svc"), ("app", "bus", "seen", "level 1")]


async def test_every_edge_is_a_line_of_what_was_seen(stage: Stage) -> None:
    outcome = await bring(stage, platform_of(stage))
    assert (outcome.status, outcome.exit_code) == ("ready", 0)
    assert outcome.proof == {"order": "passed: two edges"}
    assert edges(outcome) == SEEN


async def test_unchanged_it_is_proven_again_without_a_write(stage: Stage) -> None:
    platform = platform_of(stage)
    await bring(stage, platform)
    stage.cluster.requests.clear()
    again = await bring(stage, platform)
    assert (again.status, again.changed, stage.writes()) == ("unchanged", False, [])
    assert edges(again) == SEEN


async def test_a_drill_is_for_those_who_ask(stage: Stage) -> None:
    outcome = await bring(stage, platform_of(stage), drills=True)
    assert outcome.proof == {"order": "passed: two edges", "storm": "passed"}
    assert edges(outcome)[-1] == ("caller", "bus", "seen", "dry")


async def test_a_broken_edge_names_itself_and_what_follows_is_not_reached(stage: Stage) -> None:
    broken = HOOKS.replace('seen(app.outputs["address"])', 'raise GiveUp("no answer\\nas said")')
    outcome = await bring(stage, platform_of(stage, broken))
    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert edges(outcome) == [
        ("caller", "app", "broken", "no answer"),
        ("app", "bus", "not reached", ""),
    ]
    problem = outcome.problem
    assert problem is not None
    assert (problem.code, problem.resource) == ("PROOF_FAILED", "edge caller → app of shop")
    assert problem.cause == "caller → app by HTTP: hook order: no answer"
    assert problem.evidence == ("as said",)
    assert [each.run for each in problem.next] == ["skill why app -n aaa"]


async def test_what_a_hook_does_not_expect_breaks_its_edge_too(stage: Stage) -> None:
    broken = HOOKS.replace('"ConfigMap", "bus"', '"ConfigMap", "none"')
    outcome = await bring(stage, platform_of(stage, broken))
    assert [each[2] for each in edges(outcome)] == ["seen", "broken"]
    assert outcome.problem is not None
    assert outcome.problem.cause.startswith("app → bus by an event: ")


async def test_the_deepest_cause_at_an_end_of_the_edge_is_told(stage: Stage) -> None:
    platform = platform_of(stage)
    await bring(stage, platform)
    gone = HOOKS.replace(
        '    async with ctx.edge("sends")',
        "    await bus.delete(Ref('v1', 'ConfigMap', 'bus', bus.namespace))\n"
        '    async with ctx.edge("sends")',
    )
    problem = (await bring(stage, platform_of(stage, gone))).problem
    assert problem is not None
    assert problem.resource == "ConfigMap bbb/bus"
    assert problem.cause.startswith("app → bus by an event: ")
    assert any(line.startswith("proof order of shop: ") for line in problem.evidence)


UNSEEN = [
    (
        '        seen("level " + found["data"]["level"])\n',
        "does not say what it saw on the edge sends",
    ),
    (HOOKS[HOOKS.index('    async with ctx.edge("sends")') : HOOKS.index("    return")], "sends"),
]


@pytest.mark.parametrize(("left_out", "words"), UNSEEN)
async def test_a_proof_that_does_not_see_every_edge_fails(
    stage: Stage, left_out: str, words: str
) -> None:
    outcome = await bring(stage, platform_of(stage, HOOKS.replace(left_out, "")))
    assert outcome.exit_code == 1
    assert outcome.problem is not None
    assert words in outcome.problem.cause


async def test_an_edge_that_is_not_yet_is_walked_again(stage: Stage) -> None:
    later = "tries = []\n" + HOOKS.replace(
        '        seen(app.outputs["address"])',
        "        tries.append(ctx)\n"
        "        if len(tries) < 3:\n"
        "            raise RetryLater('no route yet')\n"
        '        seen(app.outputs["address"])',
    )
    assert edges(await bring(stage, platform_of(stage, later))) == SEEN


async def test_nothing_is_proven_of_a_platform_that_is_not_ready(stage: Stage) -> None:
    outcome = await bring(stage, platform_of(stage, level=13))
    assert outcome.exit_code == 1
    assert outcome.proof == {"order": "not run"}
    assert {each[2] for each in edges(outcome)} == {"not reached"}


async def test_verify_looks_at_every_installation_and_proves_the_platform(stage: Stage) -> None:
    platform = platform_of(stage)
    absent = await look(stage, platform)
    assert absent.exit_code == 2
    assert absent.proof == {"order": "not run"}
    await bring(stage, platform)
    stage.cluster.requests.clear()
    outcome = await look(stage, platform)
    assert (outcome.status, stage.writes()) == ("ready", [])
    assert [each.status for each in outcome.skills] == ["ready", "ready"]
    assert edges(outcome) == SEEN


async def test_who_waits_for_whom_is_told(stage: Stage) -> None:
    told: list[Event] = []
    stage.world = replace(stage.world, report=told.append)
    await bring(stage, platform_of(stage))
    standing = [
        (event.installation, event.event.words.partition(" (")[0])
        for event in told
        if isinstance(event, Of) and isinstance(event.event, Standing)
    ]
    assert standing == [
        ("aaa/app", "waits for bbb/bus"),
        ("bbb/bus", "ready"),
        ("aaa/app", "ready"),
    ]
