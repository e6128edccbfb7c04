"""Objects of a proof: in the installation's namespace, served, and gone again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from skill_runner.errors import ApiError, HookFailed
from skill_runner.hooks import GiveUp, Ref, RetryLater, cleaned_up, objects_for_proof
from skill_runner.skill.library import default_library
from skill_runner.testing import FakeClock, MemoryCluster
from tests.support.contexts import scripted
from tests.support.definitions import definition

SKILL = default_library().find("redis-k8s-setup")
SECRET = Ref("v1", "Secret", "probe", "redis")
PLUGIN = Ref("example.org/v1", "Plugin", "probe", "redis")


def manifest(ref: Ref) -> dict[str, Any]:
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": {"name": ref.name}}


def cluster() -> MemoryCluster:
    made = MemoryCluster()
    made.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "redis"}})
    return made


async def test_they_are_there_while_it_proves_and_gone_in_the_other_order() -> None:
    there = cluster()
    there.put(definition("example.org", "Plugin"))
    ctx = scripted(SKILL, cluster=there)
    async with objects_for_proof(ctx, [manifest(SECRET), manifest(PLUGIN)]) as made:
        assert made == [SECRET, PLUGIN]
        assert (await ctx.get(PLUGIN))["metadata"]["namespace"] == "redis"
    deleted = [each.kind for each in there.requests if each.verb == "delete"]
    assert deleted == ["Plugin", "Secret"]


@pytest.mark.parametrize(
    "error", [GiveUp("no answer"), asyncio.CancelledError()], ids=["refused", "cancelled"]
)
async def test_they_are_gone_also_when_the_proof_fails(error: BaseException) -> None:
    there = cluster()
    ctx = scripted(SKILL, cluster=there)
    with pytest.raises(type(error)):
        async with objects_for_proof(ctx, [manifest(SECRET)]):
            raise error
    assert not await ctx.list("v1", "Secret")


async def test_a_kind_that_is_served_soon_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    there = cluster()
    ctx = scripted(SKILL, cluster=there)
    sleep, slept = FakeClock.sleep, []

    async def serve(self: FakeClock, seconds: float) -> None:
        slept.append(seconds)
        there.put(definition("example.org", "Plugin"))
        await sleep(self, seconds)

    monkeypatch.setattr(FakeClock, "sleep", serve)
    async with objects_for_proof(ctx, [manifest(PLUGIN)]):
        assert await ctx.get(PLUGIN)
    assert len(slept) == 1


async def test_a_kind_that_never_is_ends_the_proof_and_leaves_nothing() -> None:
    there = cluster()
    ctx = scripted(SKILL, cluster=there)
    with pytest.raises(GiveUp, match=r"Plugin redis/probe cannot be made: .*serves no kind Plugin"):
        async with objects_for_proof(ctx, [manifest(SECRET), manifest(PLUGIN)]):
            raise AssertionError("it was made")
    assert not await ctx.list("v1", "Secret")


async def test_what_is_refused_is_not_asked_again() -> None:
    there = cluster()
    there.fail("apply", ApiError("Secret is invalid", status=422))
    with pytest.raises(ApiError, match="Secret is invalid"):
        async with objects_for_proof(scripted(SKILL, cluster=there), [manifest(SECRET)]):
            raise AssertionError("it was made")


@pytest.mark.parametrize(
    "fault", [None, GiveUp("no schema"), RetryLater("away"), HookFailed("late")]
)
async def test_what_fails_is_cleaned_up_and_raised_whatever_its_clean_up_does(
    fault: Exception | None,
) -> None:
    called: list[str] = []

    async def clean() -> None:
        called.append("cleaned")
        if fault:
            raise fault

    with pytest.raises(GiveUp, match="rows are missing"):
        async with cleaned_up(clean):
            raise GiveUp("rows are missing")
    assert called == ["cleaned"]


@pytest.mark.parametrize("error", [None, RetryLater("no server yet")])
async def test_what_is_tried_again_or_went_well_is_left_alone(error: Exception | None) -> None:
    called: list[str] = []

    async def clean() -> None:
        called.append("cleaned")

    with suppress(RetryLater):
        async with cleaned_up(clean):
            if error:
                raise error
    assert called == []
