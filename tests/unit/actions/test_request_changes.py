"""Changed inputs that fail or are interrupted: what the next run goes by, and the way back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from skill_runner.actions.request import find_record
from skill_runner.errors import (
    ClusterUnreachable,
)
from skill_runner.outcome import to_json
from tests.support.session import DEPLOYMENT, Stage

CLUSTER = "--kubeconfig /dev/null --context memory"
BACK = f"skill run demo-setup --name demo-setup -n demo {CLUSTER}"


async def test_a_change_that_failed_is_told_and_its_way_back_works(stage: Stage) -> None:
    await stage.run("replicas=2", token="hunter2-hunter2")
    failed = await stage.run("replicas=7", token="hunter3-hunter3")
    assert failed.notes[0] == "this run changed replicas: 2 → 7; it was ready before"
    assert failed.problem is not None
    back = failed.problem.next[-1]
    assert (back.run, back.safe) == (BACK, False)
    assert back.why == "undoes that change"
    assert "hunter" not in to_json(failed)
    again = await stage.run()  # what that command does
    assert (again.status, (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"]) == ("ready", 2)


async def test_a_change_that_the_next_run_continues_is_undone_by_its_old_values(
    stage: Stage,
) -> None:
    await stage.run("replicas=2")
    stage.helm.fail(ClusterUnreachable("no answer"))
    failed = await stage.run("replicas=3")
    assert failed.problem is not None
    assert failed.problem.next[-1].run.endswith(f"-n demo --set replicas=2 {CLUSTER}")
    await stage.run("replicas=2")  # what that command does
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 2


async def test_a_change_that_was_stopped_and_then_fails_is_given_up(stage: Stage) -> None:
    """The run that continues it was not asked for it, and says what was changed before."""
    await stage.run("replicas=2")
    running = asyncio.ensure_future(stage.run("replicas=7"))
    while (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] != 7:
        await stage.world.clock.sleep(0.1)
    await stage.world.clock.sleep(1)  # Helm is done, and the run waits for what it made
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    failed = await stage.run()
    assert failed.status == "failed"
    said = "a run before, which this one continued, changed replicas: 2 → 7; it was ready before"
    assert failed.notes[0] == said
    assert failed.problem is not None
    assert failed.problem.next[-1].run == BACK
    assert (await stage.run()).status == "ready"
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 2


async def test_a_first_run_that_fails_has_no_way_back(stage: Stage) -> None:
    failed = await stage.run("replicas=7")
    assert failed.problem is not None
    assert "undoes" not in to_json(failed)


async def test_what_failed_does_not_become_the_installations(stage: Stage) -> None:
    await stage.run("replicas=2")
    assert (await stage.run("replicas=7")).status == "failed"
    found = await find_record(stage.world, "demo-setup", None)
    assert (found.inputs["replicas"], found.complete, found.good) == (2, False, None)
    assert (await stage.run()).status == "ready"
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 2


async def test_what_was_interrupted_is_continued_as_it_was_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.run("replicas=2")
    with monkeypatch.context() as patch:

        async def dies(*_: Any, **__: Any) -> None:
            raise asyncio.CancelledError

        patch.setattr(stage.helm, "install_or_upgrade", dies)
        with pytest.raises(asyncio.CancelledError):
            await stage.run("replicas=3")
    found = await find_record(stage.world, "demo-setup", None)
    assert found.inputs["replicas"] == 3
    assert found.good is not None
    assert found.good.inputs["replicas"] == 2
    await stage.run()
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 3
    # and where it fails in the end, the next goes by what was ready
    await stage.run("replicas=7")
    await stage.run()
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 3
