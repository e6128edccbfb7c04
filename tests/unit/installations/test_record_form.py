"""Records are checked when they are read; a broken one is its own trouble alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from skill_runner.errors import BadRecord
from skill_runner.installations import store
from skill_runner.installations.store import record_refs
from skill_runner.plan import Installation
from skill_runner.testing import MemoryCluster
from tests.unit.installations.test_record import FULL, make_cluster

OTHER = replace(FULL, installation=Installation("test", "other"))
MAP = record_refs(FULL.installation)[0]


async def broken(cluster: MemoryCluster, **change: Any) -> None:
    await store.write(cluster, FULL)
    await store.write(cluster, OTHER)
    live = await cluster.get(MAP)
    data = {**json.loads(live["data"]["record.json"]), **change}
    await cluster.replace({**live, "data": {"record.json": json.dumps(data)}})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"installation": {"namespace": "test", "name": "other"}}, "names another installation"),
        ({"installation": {"namespace": "kafka", "name": "Events/../x"}}, "installation.name"),
        ({"schema": "one"}, "is no version"),
        ({"inputs": None}, "inputs: None is not of type 'object'"),
        ({"objects": [{"kind": "Secret"}]}, "'api_version' is a required property"),
        ({"releases": [{"name": "x", "namespace": "--all", "digest": ""}]}, "releases"),
        ({"uids": [{"api_version": "v1", "kind": "Pod", "name": "", "namespace": "a"}]}, "uids"),
        ({"good": {"version": "1"}}, "good"),
    ],
)
async def test_a_bad_record_is_refused_by_name_and_skipped_in_lists(
    change: dict[str, Any], words: str
) -> None:
    cluster = make_cluster()
    await broken(cluster, **change)
    with pytest.raises(BadRecord) as caught:
        await store.read(cluster, FULL.installation)
    assert words in caught.value.message
    assert "ConfigMap kafka/skill-runner.events" in caught.value.message
    listed = await store.list_all(cluster)
    assert listed.records == (OTHER,)
    assert len(listed.bad) == 1
    assert words in listed.bad[0]
    assert await store.find(cluster, "other") == OTHER
    with pytest.raises(BadRecord):
        await store.find(cluster, "events", "kafka")


async def test_a_config_map_of_somebody_else_is_no_record() -> None:
    cluster = make_cluster()
    await store.write(cluster, FULL)
    live = await cluster.get(MAP)
    await cluster.replace({**live, "metadata": {**live["metadata"], "labels": {}}})
    with pytest.raises(BadRecord, match="does not carry the label"):
        await store.read(cluster, FULL.installation)


async def test_a_record_of_the_version_before_is_read() -> None:
    cluster = make_cluster()
    await store.write(cluster, FULL)
    live = await cluster.get(MAP)
    data = json.loads(live["data"]["record.json"])
    for key in ("uids", "proven", "good"):
        del data[key]
    data["schema"] = 1
    for release in data["releases"]:
        del release["uid"]
    await cluster.replace({**live, "data": {"record.json": json.dumps(data)}})
    found = await store.read(cluster, FULL.installation)
    assert found == replace(FULL, proven=True)
    assert found is not None
    assert found.held(FULL.objects[0]).listed


async def test_the_secret_goes_with_a_record_that_no_longer_has_secret_inputs() -> None:
    cluster = make_cluster()
    await store.write(cluster, replace(FULL, secret_inputs=("topics",), key="k"))
    await store.remove(cluster, FULL)
    left = [
        *(await cluster.list("v1", "Secret")).items,
        *(await cluster.list("v1", "ConfigMap")).items,
    ]
    assert left == []


async def test_what_is_kept_is_no_installation_and_holds_no_secret() -> None:
    cluster = make_cluster()
    secret = replace(
        FULL, inputs={"brokers": 3, "token": "hidden"}, secret_inputs=("token",), key="k"
    )
    await store.keep(cluster, secret, {FULL.objects[0]: "u1"})
    assert await store.read(cluster, FULL.installation) is None
    assert await store.find(cluster, "events") is None
    assert "hidden" not in json.dumps(await cluster.get(MAP))
    kept = await store.read_kept(cluster, FULL.installation)
    assert kept is not None
    assert kept.inputs == {"brokers": 3, "token": "hidden"}
    assert (kept.uids, kept.releases, kept.complete) == ({FULL.objects[0]: "u1"}, (), False)
