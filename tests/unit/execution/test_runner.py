"""A plan walked to its end: what each step is told to have come to, and what the record says."""

from __future__ import annotations

import asyncio

import pytest

from skill_runner.errors import ClusterUnreachable, HelmError
from skill_runner.installations import store
from skill_runner.installations.record import Record
from skill_runner.plan import Installation
from skill_runner.progress import Event, StepFinished, StepStarted
from tests.support.session import HOOKS, Stage


async def record_of(stage: Stage) -> Record:
    found = await store.read(stage.cluster, Installation("demo", "demo-setup"))
    assert found is not None
    return found


async def test_every_step_is_reported_in_its_order_with_its_end(stage: Stage) -> None:
    seen: list[Event] = []
    object.__setattr__(stage.world, "report", seen.append)
    outcome = await stage.run()
    told = [
        (type(each).__name__, each.result.id if isinstance(each, StepFinished) else each.id)
        for each in seen
        if isinstance(each, StepStarted | StepFinished)
    ]
    assert told == [
        (name, step)
        for step in ("app", "after", "answers")
        for name in ("StepStarted", "StepFinished")
    ]
    assert [(each.id, each.status) for each in outcome.steps] == [
        ("app", "done"),
        ("after", "done"),
    ]


async def test_what_comes_after_a_failure_is_not_run(stage: Stage) -> None:
    stage.helm.fail(HelmError("broken on the way"))
    outcome = await stage.run()
    assert [(each.id, each.status) for each in outcome.steps] == [
        ("app", "failed"),
        ("after", "not run"),
    ]
    assert "broken on the way" in outcome.steps[0].message
    assert (outcome.proof, outcome.outputs) == ({}, {})


async def test_a_hook_is_not_called_again_when_nothing_changed(stage: Stage) -> None:
    await stage.run()
    again = await stage.run()
    assert [each.status for each in again.steps] == ["unchanged", "unchanged"]
    changed = await stage.run("replicas=2")
    assert [each.status for each in changed.steps] == ["done", "done"]


async def test_the_record_says_incomplete_before_the_first_write(stage: Stage) -> None:
    before: list[bool] = []
    install = stage.helm.install_or_upgrade

    async def look_first(*given: object, **more: object) -> object:
        before.append((await record_of(stage)).complete)
        return await install(*given, **more)  # type: ignore[arg-type]

    stage.helm.install_or_upgrade = look_first  # type: ignore[assignment,method-assign]
    await stage.run()
    assert before == [False]
    kept = await record_of(stage)
    assert (kept.complete, kept.proven) == (True, True)
    assert [(each.name, each.revision) for each in kept.releases] == [("app", 1)]


@pytest.mark.parametrize(
    ("error", "next_time"), [(ClusterUnreachable("no answer"), 3), (HelmError("refused"), 2)]
)
async def test_only_a_run_that_could_not_go_on_is_continued(
    stage: Stage, error: Exception, next_time: int
) -> None:
    await stage.run("replicas=2")
    stage.helm.fail(error)
    assert (await stage.run("replicas=3")).status == "failed"
    assert (await record_of(stage)).inputs["replicas"] == next_time


async def test_a_cancelled_run_is_raised_on_and_its_step_interrupted(stage: Stage) -> None:
    ended: list[tuple[str, str]] = []

    def see(event: Event) -> None:
        if isinstance(event, StepFinished):
            ended.append((event.result.id, event.result.status))
        if isinstance(event, StepStarted) and event.id == "after":
            running.cancel()

    hang = HOOKS.replace('return "done after"', "await ctx.clock.sleep(1000)")
    (stage.folder / "skills" / "demo-setup" / "hooks.py").write_text(hang)
    object.__setattr__(stage.world, "report", see)
    running = asyncio.ensure_future(stage.run())
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == [("app", "done"), ("after", "interrupted")]
    assert not (await record_of(stage)).complete
