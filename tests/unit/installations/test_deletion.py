"""What is being deleted, whose pods go with it, and waiting until it is gone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from skill_runner.errors import NotReadyInTime
from skill_runner.installations.deletion import Leaving, find_leaving, find_pods, until_gone
from skill_runner.objects import Object, Ref
from skill_runner.progress import Awaiting, Event
from tests.support.session import DEPLOYMENT, Stage

MAP = Ref("v1", "ConfigMap", "settings", "demo")


async def a_map(stage: Stage, *finalizers: str) -> Object:
    stage.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}})
    meta = {"name": MAP.name, "namespace": MAP.namespace, "finalizers": list(finalizers)}
    return stage.cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})


async def let_go(stage: Stage) -> None:
    live = await stage.cluster.get(MAP)
    live["metadata"]["finalizers"] = []
    await stage.cluster.replace(live)


async def test_only_what_someone_deletes_is_leaving(stage: Stage) -> None:
    made = await a_map(stage, "example.org/hold")
    absent = Ref("v1", "ConfigMap", "never-made", "demo")
    assert await find_leaving(stage.cluster, [MAP, absent]) == ()
    await stage.cluster.delete(MAP)
    assert await find_leaving(stage.cluster, [MAP, absent]) == (
        Leaving(MAP, made["metadata"]["uid"]),
    )


async def test_pods_are_found_by_the_selector_of_their_workload(stage: Stage) -> None:
    await stage.run()
    for name, app in (("ours", "app"), ("a-neighbour", "other")):
        meta = {"name": name, "namespace": "demo", "labels": {"app": app}}
        stage.cluster.put({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {}})
    found = await find_pods(stage.cluster, [DEPLOYMENT, DEPLOYMENT, MAP])
    assert [each.ref.name for each in found] == ["ours"]


async def test_it_waits_for_the_last_finalizer_and_shows_what_stands(stage: Stage) -> None:
    made = await a_map(stage, "example.org/hold")
    await stage.cluster.delete(MAP)
    shown: list[str] = []
    releasing: list[asyncio.Task[None]] = []

    def see(event: Event) -> None:
        if isinstance(event, Awaiting) and not shown:
            shown.extend(f"{each.resource}: {each.state}" for each in event.objects)
            releasing.append(asyncio.create_task(let_go(stage)))

    world = replace(stage.world, report=see)
    await until_gone(world, [Leaving(MAP, made["metadata"]["uid"])], 60)
    await asyncio.gather(*releasing)
    assert shown == [f"{MAP}: terminating"]


async def test_another_object_of_the_name_is_not_waited_for(stage: Stage) -> None:
    made = await a_map(stage)
    await stage.cluster.delete(MAP)
    await a_map(stage, "example.org/hold")
    await until_gone(stage.world, [Leaving(MAP, made["metadata"]["uid"])], 0)
    with pytest.raises(NotReadyInTime):
        await until_gone(stage.world, [Leaving(MAP)], 0)


async def test_the_finalizer_that_holds_it_is_named(stage: Stage) -> None:
    await a_map(stage, "example.org/hold")
    await stage.cluster.delete(MAP)
    with pytest.raises(NotReadyInTime, match=r"held by finalizer example\.org/hold") as caught:
        await until_gone(stage.world, [Leaving(MAP)], 5)
    assert str(MAP) in caught.value.message
    assert "metadata.finalizers" in caught.value.hint
