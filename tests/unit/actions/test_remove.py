"""Removal along the edges: refused, cascading, and what came along."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from skill_runner.actions.remove import remove
from skill_runner.errors import Refused
from skill_runner.installations import lock, store
from skill_runner.installations.record import Record
from skill_runner.objects import Ref
from skill_runner.plan import Installation
from tests.support.graph import Stage, lines

CHAIN = {"bus": [], "db": [], "app": [{"skill": "bus"}, {"skill": "db"}], "top": [{"skill": "app"}]}


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage.of(tmp_path, CHAIN)
    await stage.run(stage.request("db"))
    await stage.run(stage.request("top"))
    return stage


async def _records(stage: Stage, *names: str) -> list[Record]:
    found = await store.find_all(stage.cluster)
    return [each for each in found if each.installation.name in names]


async def _left(stage: Stage) -> Iterable[str]:
    return {each.installation.name for each in await store.find_all(stage.cluster)}


async def test_what_is_required_is_not_pulled_out_from_under_its_user(stage: Stage) -> None:
    with pytest.raises(Refused, match="bbb/bus is required by aaa/app"):
        await remove(stage.world, await _records(stage, "bus"), purge=False, cascade=False)
    assert await _left(stage) == {"bus", "db", "app", "top"}


async def test_cascade_removes_dependents_first_and_keeps_the_rest(stage: Stage) -> None:
    stage.cluster.requests.clear()
    outcome = await remove(stage.world, await _records(stage, "bus"), purge=False, cascade=True)
    assert lines(outcome) == dict.fromkeys(["bbb/bus", "aaa/app", "ttt/top"], "removed")
    deleted = [r.name for r in stage.cluster.writes if r.verb == "delete" and r.kind == "ConfigMap"]
    assert [name for name in deleted if "." not in name] == ["top", "app", "bus"]
    assert await _left(stage) == {"db"}


async def test_what_only_they_require_is_named(stage: Stage) -> None:
    outcome = await remove(
        stage.world, await _records(stage, "top", "app"), purge=False, cascade=False
    )
    assert any("kept bbb/bus, which nothing requires" in note for note in outcome.notes)
    assert not any("ddd/db" in note for note in outcome.notes), "that one was asked for"


async def test_what_nobody_asked_for_goes_with_its_last_user(stage: Stage) -> None:
    await remove(
        stage.world, await _records(stage, "top", "app"), purge=False, cascade=False, unasked=True
    )
    assert await _left(stage) == {"db"}


async def test_what_cannot_be_removed_keeps_what_it_requires(stage: Stage) -> None:
    held = Installation("aaa", "app")
    async with lock.hold(stage.world.connect, held, "another-run", stage.world.clock):
        outcome = await remove(stage.world, await _records(stage, "bus"), purge=False, cascade=True)
    assert lines(outcome) == {"ttt/top": "removed", "aaa/app": "refused", "bbb/bus": "blocked"}
    assert outcome.exit_code == 7
    assert await stage.cluster.get(Ref("v1", "ConfigMap", "bus", "bbb"))
