"""Secret inputs: kept in a Secret alone, remembered, and told nowhere."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from skill_runner.installations import store
from skill_runner.outcome import redacted, to_json
from skill_runner.plan import Installation
from tests.support.session import Stage

SECRET = "s3cret-& värde/with%everything"


async def test_a_secret_input_is_kept_in_a_secret_and_nowhere_else(stage: Stage) -> None:
    outcome = await stage.run(token=SECRET)
    assert outcome.status == "ready"
    (kept,) = (await stage.cluster.list("v1", "ConfigMap", namespace="demo")).items
    assert SECRET not in json.dumps(kept, ensure_ascii=False)
    plain = hashlib.sha256(SECRET.encode()).hexdigest()
    assert plain not in json.dumps(kept)
    found = await store.read(stage.cluster, Installation("demo", "demo-setup"))
    assert found is not None
    assert found.inputs["token"] == SECRET
    assert SECRET not in repr(found.key)


async def test_a_secret_input_is_remembered_and_its_change_is_a_change(stage: Stage) -> None:
    await stage.run(token=SECRET)
    stage.cluster.requests.clear()
    assert (await stage.run()).status == "unchanged"
    assert stage.writes() == []
    assert (await stage.run(token="another-secret")).status == "ready"


def test_every_installation_has_a_key_of_its_own(stage: Stage) -> None:
    skill = stage.library.find("demo-setup")
    assert store.key_for(None, skill) != store.key_for(None, skill)
    open_ = {name: each for name, each in skill.inputs.items() if not each.secret}
    assert store.key_for(None, replace(skill, inputs=open_)) == ""


async def test_a_listed_record_does_not_overwrite_secrets(stage: Stage) -> None:
    await stage.run(token=SECRET)
    (listed,) = await store.find_all(stage.cluster)
    assert "token" not in listed.inputs
    await store.write(stage.cluster, listed)
    found = await store.find(stage.cluster, "demo-setup")
    assert found is not None
    assert found.inputs["token"] == SECRET


async def test_a_secret_that_a_hook_says_is_in_no_file_of_the_run(stage: Stage) -> None:
    outcome = await stage.run("replicas=6", token=SECRET)
    told = redacted(outcome, stage.last.redactor)
    written = [p for p in stage.last.folder.rglob("*") if p.is_file()]
    assert written
    assert all(SECRET.encode() not in p.read_bytes() for p in written)
    assert SECRET not in to_json(told)
