"""Records: what is kept, found, carried over and refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from skill_runner.actions.verify import outputs_of
from skill_runner.backends.base import Right
from skill_runner.backends.world import World
from skill_runner.errors import Forbidden, Refused, SkillError
from skill_runner.installations import record, store
from skill_runner.installations.record import ProofRecord, Record, ReleaseRecord
from skill_runner.installations.record_data import same_but_times
from skill_runner.installations.records import Records
from skill_runner.objects import Ref
from skill_runner.plan import ImageChoice, Installation, Plan
from skill_runner.skill.model import Skill
from skill_runner.testing import FakeClock, MemoryCluster, MemoryHelm
from skill_runner.testing.images import MemoryImages

FULL = Record(
    installation=Installation("kafka", "events"),
    skill="kafka-k8s-setup",
    version="1.0.0",
    inputs={"brokers": 3, "topics": ["a.b"]},
    images={"kafka": ImageChoice(name="kafka", ref="r", source="build", official="o")},
    releases=(ReleaseRecord("kafka", "kafka", "abc"),),
    objects=(Ref("v1", "ConfigMap", "c", "kafka"), Ref("v1", "Namespace", "n")),
    requires={"operator": "strimzi/operator"},
    asked=False,
    created_namespace=True,
    proofs={"round-trip": ProofRecord("passed", 10.0, 2.5)},
    outputs={"bootstrap_servers": "x:9092"},
    plan_digest="d",
    complete=True,
    created=1.0,
    updated=2.0,
)


def make_cluster() -> MemoryCluster:
    cluster = MemoryCluster()
    for name in ("kafka", "test"):
        cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return cluster


async def test_what_is_written_is_read() -> None:
    cluster = make_cluster()
    await store.write(cluster, FULL)
    assert await store.read(cluster, FULL.installation) == FULL
    await store.remove(cluster, FULL)
    assert await store.read(cluster, FULL.installation) is None


async def test_one_name_in_two_namespaces_must_be_told_apart() -> None:
    cluster = make_cluster()
    other = replace(FULL, installation=Installation("test", "events"))
    await store.write(cluster, FULL)
    await store.write(cluster, other)
    with pytest.raises(Refused, match="kafka, test"):
        await store.find(cluster, "events")
    assert await store.find(cluster, "events", "test") == other
    assert await store.find(cluster, "nothing") is None
    assert await store.find_all(cluster) == (FULL, other)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"schema": 99}, Refused, "newer version"),
        ({"inputs": None, "skill": None, "installation": {}}, SkillError, "not a record"),
    ],
)
async def test_what_cannot_be_read_is_said(
    change: dict[str, object], error: type[SkillError], words: str
) -> None:
    cluster = make_cluster()
    await store.write(cluster, FULL)
    ref = Ref("v1", "ConfigMap", "skill-runner.events", "kafka")
    found = await cluster.get(ref)
    data = {**json.loads(found["data"]["record.json"]), **change}
    await cluster.replace({**found, "data": {"record.json": json.dumps(data)}})
    with pytest.raises(error, match=words):
        await store.read(cluster, FULL.installation)


async def test_what_a_newer_runner_added_is_no_obstacle() -> None:
    cluster = make_cluster()
    await store.write(cluster, FULL)
    found = await cluster.get(Ref("v1", "ConfigMap", "skill-runner.events", "kafka"))
    data = {**json.loads(found["data"]["record.json"]), "weather": "fine"}
    await cluster.replace({**found, "data": {"record.json": json.dumps(data)}})
    assert await store.read(cluster, FULL.installation) == FULL


def test_a_new_intention_carries_over_what_the_cluster_holds() -> None:
    skill = Skill(name="kafka-k8s-setup", version="2.0.0", summary="", use_when="", folder=Path())
    plan = Plan(
        skill=skill,
        installation=FULL.installation,
        inputs={"brokers": 3},
        images={},
        steps=(),
        proofs=(),
        outputs={},
        digest="e",
    )
    new = record.intend(FULL, plan, now=50.0)
    assert (new.releases, new.objects, new.proofs) == (FULL.releases, FULL.objects, FULL.proofs)
    assert (new.version, new.complete, new.created, new.updated) == ("2.0.0", False, 1.0, 50.0)
    assert new.created_namespace
    assert not same_but_times(FULL, new)
    assert same_but_times(FULL, replace(FULL, created=7.0, updated=8.0))


async def test_whoever_uses_an_installation_needs_not_read_its_secret_inputs() -> None:
    """Its record is one ConfigMap, which may be granted by name."""
    cluster = make_cluster()
    kept = replace(FULL, secret_inputs=("password",), key="k", inputs={"password": "p"})
    await store.write(cluster, kept)
    cluster.grant([Right("get", "", "configmaps", "kafka", "skill-runner.events")])
    found = await Records(cluster).look(FULL.installation)
    assert found is not None
    with pytest.raises(Forbidden, match="secrets"):
        await Records(cluster).read(FULL.installation)
    assert (found.outputs, found.inputs, found.key) == (FULL.outputs, {}, "")
    using = replace(FULL, installation=Installation("test", "app"), requires={"k": "kafka/events"})

    async def same() -> MemoryCluster:
        return cluster

    world = World(
        helm=MemoryHelm(cluster),
        cluster=cluster,
        images=MemoryImages(),
        clock=FakeClock(),
        connect=same,
    )
    assert await outputs_of(world, using) == {"k": FULL.outputs}
