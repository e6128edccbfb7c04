"""A workload of an installation that somebody scaled to zero, in memory, for each command."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.actions.verify import verify as verify_installation
from skill_runner.actions.why import why_installation
from skill_runner.execution.state import Options
from skill_runner.installations import record, store
from skill_runner.installations.scaled import scaled_down
from skill_runner.objects import Object
from skill_runner.outcome import Outcome
from skill_runner.runs.folder import Run
from tests.support.session import DEPLOYMENT, SKILL, Stage, become_ready

SAID = "Deployment demo/app is scaled to 0 by kubectl at 2026-11-02T00:00:00Z"
REQUEST = {"manager": "helm", "operation": "Apply", "fieldsV1": {}}  # `kubectl scale` names nobody
WHO = {
    "manager": "kubectl",
    "time": "2026-11-02T00:00:00Z",
    "operation": "Update",
    "fieldsV1": {"f:spec": {"f:replicas": {}}},
}
AUTOSCALER: Object = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "app", "namespace": "demo"},
    "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "app"}},
}


async def scale_to_zero(stage: Stage, writer: Object = WHO) -> None:
    """As `kubectl patch` does, or with the writer REQUEST `kubectl scale`, and the controller."""
    live = await stage.cluster.get(DEPLOYMENT)
    meta = {**live["metadata"], "managedFields": [writer]}
    stage.cluster.put({**live, "metadata": meta, "spec": {**live["spec"], "replicas": 0}})
    await become_ready(stage.cluster, await stage.cluster.get(DEPLOYMENT))


async def verify(stage: Stage, **more: Any) -> Outcome:
    run = Run("verify-1", stage.folder)
    asked = {"observe": True, "timeout": 60.0, **more}
    return await verify_installation(stage.world, run, stage.library, "demo-setup", None, **asked)


async def why(stage: Stage) -> Outcome:
    await stage.world.clock.sleep(60)  # it is at zero for a while: nothing scales it up by itself
    target = await store.read(stage.cluster, (await standing(stage))[0].installation)
    assert target is not None
    return await why_installation(stage.world, Run("why-1", stage.folder), target, stage.library)


async def standing(stage: Stage) -> list[record.Record]:
    return list(await store.find_all(stage.cluster, None))


@pytest.mark.parametrize("observe", [True, False])
async def test_verify_says_so_before_any_proof(stage: Stage, observe: bool) -> None:
    await stage.run()
    await scale_to_zero(stage)
    outcome = await verify(stage, observe=observe)
    assert outcome.problem is not None
    assert (outcome.exit_code, outcome.problem.code) == (1, "SCALED_TO_ZERO")
    assert SAID in outcome.problem.cause
    assert outcome.proof == {}


@pytest.mark.parametrize(
    ("writer", "advice"),
    [
        (REQUEST, "skill run demo-setup --name demo-setup -n demo"),
        (WHO, " -n demo scale deployment app --replicas=1"),
    ],
    ids=["scale", "patch"],
)
async def test_why_says_so_and_what_scales_it_up(stage: Stage, writer: Object, advice: str) -> None:
    """Where another field manager owns the number, a run would meet a conflict."""
    await stage.run()
    await scale_to_zero(stage, writer)
    outcome = await why(stage)
    assert outcome.problem is not None
    assert (outcome.exit_code, outcome.problem.code) == (1, "SCALED_TO_ZERO")
    assert outcome.problem.next[0].run.count(advice) == 1


async def test_status_says_so_and_asks_little_where_nothing_is_at_zero(stage: Stage) -> None:
    await stage.run()
    stage.cluster.requests.clear()
    assert await scaled_down(stage.cluster, await standing(stage)) == {}
    assert "Secret" not in {request.kind for request in stage.cluster.requests}
    await scale_to_zero(stage)
    found = await scaled_down(stage.cluster, await standing(stage))
    assert list(found) == ["demo/demo-setup"]
    assert SAID in found["demo/demo-setup"][0]


@pytest.mark.parametrize("options", [Options(), Options(no_change=True)])
async def test_a_run_scales_up_again_and_says_who_scaled_it_down(
    stage: Stage, options: Options
) -> None:
    await stage.run()
    await scale_to_zero(stage)
    outcome = await stage.run(options=options)
    assert (outcome.status, outcome.changed) == ("ready", True)
    assert (await stage.cluster.get(DEPLOYMENT))["spec"]["replicas"] == 1
    assert SAID in outcome.steps[0].message
    notes = "\n".join(outcome.notes)
    assert "Deployment demo/app was scaled to 0 by kubectl" in notes
    assert ("put back as the record says" in notes) is options.no_change


async def test_what_an_autoscaler_is_for_is_left_to_it(stage: Stage) -> None:
    await stage.run()
    await scale_to_zero(stage)
    await stage.cluster.apply(AUTOSCALER)
    assert (await verify(stage)).problem is None
    assert await scaled_down(stage.cluster, await standing(stage)) == {}


APPLIED = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
        - name: app
          image: example.org/app:1
          livenessProbe: {tcpSocket: {port: 80}}
          readinessProbe: {tcpSocket: {port: 80}}
          resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: "1", memory: 16Mi}}
"""


async def test_where_no_manifest_states_a_number_kubectl_scales_it_up(stage: Stage) -> None:
    """An applied Deployment of no stated number: one is the API's default."""
    folder = stage.folder / "skills" / "demo-setup"
    release = "{id: app, release: app, chart: chart/, values: values.yaml.j2}"
    (folder / "skill.yaml").write_text(SKILL.replace(release, "{id: app, apply: app.yaml.j2}"))
    (folder / "app.yaml.j2").write_text(APPLIED)
    await stage.run()
    live = await stage.cluster.get(DEPLOYMENT)
    stage.cluster.put({**live, "spec": {**live["spec"], "replicas": 1}})  # the API's default
    await scale_to_zero(stage)
    outcome = await why(stage)
    assert outcome.problem is not None
    assert outcome.problem.code == "SCALED_TO_ZERO"
    commands = [each.run for each in outcome.problem.next]
    assert any("scale deployment app --replicas=1" in each for each in commands), commands
