"""Removal along the edges: refused, cascading, and what came along."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from skill_runner.actions.remove import finish, remove
from skill_runner.errors import LockHeld, NotFound, Refused
from skill_runner.installations import lock, store
from skill_runner.installations.record import Record
from skill_runner.objects import Ref
from skill_runner.plan import Installation
from skill_runner.runs.process import Holder
from skill_runner.scope import Scope
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


async def test_what_others_did_meanwhile_is_seen_under_the_lock(stage: Stage) -> None:
    """The records that a command began with are old by then."""
    targets = await _records(stage, "top")
    await remove(stage.world, targets, purge=False, cascade=False)
    stage.cluster.requests.clear()
    again = await remove(stage.world, targets, purge=False, cascade=False)
    assert again.notes == ("ttt/top was removed by another command meanwhile",), again
    assert [r for r in stage.cluster.writes if r.kind != "Lease"] == []


class TestALockThatAKilledCommandLeft:
    """After its last change, before it gave the lock back: there is no record any more."""

    @pytest.fixture
    async def lease(self, stage: Stage) -> Ref:
        dead = lock.new_lease(lock.lease_ref(Installation("xxx", "gone")), "h_1_1_r_t", 0.0)
        await stage.cluster.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "xxx"}}
        )
        return Ref.of(await stage.cluster.create(dead))

    @pytest.mark.parametrize("namespace", [None, "xxx"])
    async def test_is_given_back(self, stage: Stage, lease: Ref, namespace: str | None) -> None:
        done = await finish(stage.world, "gone", namespace)
        assert done is not None
        assert (done.status, done.exit_code, done.installation) == ("removed", 0, "xxx/gone")
        with pytest.raises(NotFound):
            await stage.cluster.get(lease)

    async def test_is_nobody_else_s(self, stage: Stage, lease: Ref) -> None:
        assert await finish(stage.world, "gone", "yyy") is None
        assert await finish(stage.world, "other", None) is None
        confined = replace(stage.world, scope=Scope(namespaces=("yyy",)))
        assert await finish(confined, "gone", None) is None
        assert await stage.cluster.get(lease)

    async def test_is_left_to_whom_is_alive(self, stage: Stage) -> None:
        installation = Installation("ddd", "begun")
        async with lock.hold(
            stage.world.connect, installation, str(Holder.here()), stage.world.clock
        ):
            with pytest.raises(LockHeld):
                await finish(stage.world, "begun", None)
            assert await stage.cluster.get(lock.lease_ref(installation))
