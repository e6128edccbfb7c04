"""What a run leaves out that an earlier one applied."""

from __future__ import annotations

import pytest

from skill_runner.actions import request
from skill_runner.errors import NotFound, Refused
from skill_runner.execution.state import Options
from skill_runner.objects import Ref
from tests.support.session import SKILL, Stage

STEP = "  - {id: maps, apply: maps.yaml.j2}\n"
MAPS = """
{% for number in range(replicas) %}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: "map-{{ number }}"
  annotations: {note: "{{ number }}"MORE}
{% endfor %}
"""
LAST = Ref("v1", "ConfigMap", "map-1", "demo")


def write(stage: Stage, more: str = "") -> None:
    folder = stage.folder / "skills" / "demo-setup"
    (folder / "skill.yaml").write_text(SKILL.replace("steps:\n", f"steps:\n{STEP}"))
    (folder / "maps.yaml.j2").write_text(MAPS.replace("MORE", more))


async def maps(stage: Stage) -> list[str]:
    listed = await stage.cluster.list("v1", "ConfigMap", namespace="demo")
    names = [o["metadata"]["name"] for o in listed.items]
    return [name for name in names if name.startswith("map-")]


async def recorded(stage: Stage) -> tuple[Ref, ...]:
    return (await request.find_record(stage.world, "demo-setup", None)).objects


async def test_what_is_left_out_goes_and_the_record_forgets_it(stage: Stage) -> None:
    write(stage)
    await stage.run("replicas=2")
    outcome = await stage.run("replicas=1")
    assert await maps(stage) == ["map-0"]
    assert LAST not in await recorded(stage)
    assert f"removed {LAST}, which is no longer part of the installation" in outcome.notes
    stage.cluster.requests.clear()
    assert (await stage.run()).status == "unchanged"
    assert stage.writes() == []


@pytest.mark.parametrize(
    "mark", ["skill-runner.dev/left-out: keep", "helm.sh/resource-policy: keep"]
)
async def test_what_holds_data_stays_and_is_still_in_the_record(stage: Stage, mark: str) -> None:
    write(stage, f", {mark}")
    await stage.run("replicas=2")
    await stage.run("replicas=1")
    assert await maps(stage) == ["map-0", "map-1"]
    # as they were made: a removal takes the last first, since it may need the others
    assert [ref.name for ref in await recorded(stage)] == ["map-0", "map-1"]


async def test_what_is_someone_elses_by_now_stays(stage: Stage) -> None:
    write(stage)
    await stage.run("replicas=2")
    live = await stage.cluster.get(LAST)
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    await stage.cluster.replace({**live, "metadata": {**live["metadata"], "labels": labels}})
    await stage.run("replicas=1")
    assert await maps(stage) == ["map-0", "map-1"]


async def test_a_run_that_may_not_change_takes_nothing_away(stage: Stage) -> None:
    write(stage)
    await stage.run("replicas=2")
    (stage.folder / "skills" / "demo-setup" / "maps.yaml.j2").write_text(
        MAPS.replace("MORE", "").replace("range(replicas)", "range(1)")
    )
    with pytest.raises(Refused, match="changes are not allowed"):
        await stage.run(options=Options(no_change=True))
    assert "map-1" in await maps(stage)


GRANT = """  - {id: more, apply: more.yaml.j2, when: replicas > 1}
"""
ROLES = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: []
{% if replicas == 3 %}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: other, namespace: learnflow}
rules: []
{% endif %}
"""


async def names(stage: Stage, kind: str, api_version: str) -> list[str]:
    found = (await stage.cluster.list(api_version, kind)).items
    return [o["metadata"]["name"] for o in found]


@pytest.fixture
def pruned(stage: Stage) -> Stage:
    folder = stage.folder / "skills" / "demo-setup"
    (folder / "skill.yaml").write_text(SKILL.replace("steps:\n", f"steps:\n{GRANT}"))
    (folder / "more.yaml.j2").write_text(ROLES)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "learnflow"}}
    stage.cluster.put(space)
    return stage


async def test_what_grants_goes_when_nothing_asks_for_it(pruned: Stage) -> None:
    rbac = "rbac.authorization.k8s.io/v1"
    await pruned.run("replicas=3")
    assert await names(pruned, "Role", rbac) == ["other", "reader"]
    await pruned.run("replicas=2")
    assert await names(pruned, "Role", rbac) == ["reader"]
    await pruned.run("replicas=1")
    assert await names(pruned, "Role", rbac) == []
    writes = pruned.writes()
    again = await pruned.run("replicas=1")
    assert again.status == "unchanged"
    assert pruned.writes() == writes


async def test_it_goes_before_anything_new_begins(pruned: Stage) -> None:
    """So that a run can fix what it had broken with it."""
    await pruned.run("replicas=3")
    failed = await pruned.run("replicas=7")
    assert failed.status == "failed"
    with pytest.raises(NotFound):
        await pruned.cluster.get(Ref("rbac.authorization.k8s.io/v1", "Role", "other", "learnflow"))
