"""Play one scenario through a whole run: real Helm, a chart that holds the scenario's objects."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import yaml

from skill_runner.actions.request import Request
from skill_runner.actions.run import run
from skill_runner.backends.base import Cluster
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.helm import PyHelm
from skill_runner.backends.kube import connect
from skill_runner.backends.recording import RecordingCluster, RecordingHelm
from skill_runner.backends.world import World
from skill_runner.errors import SkillError
from skill_runner.execution.state import Options
from skill_runner.objects import is_cluster_scoped
from skill_runner.outcome import Outcome, from_error
from skill_runner.readiness.wait import WaitResult
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library
from skill_runner.skill.loader import load_skill
from skill_runner.testing.images import MemoryImages
from tests.integration.faults.scenario import Scenario, placed

CHART = "apiVersion: v2\nname: faulty\nversion: 1.0.0\n"
TEMPLATE = "{{- range .Values.objects }}\n---\n{{ toYaml . }}\n{{- end }}\n"
SKILL = {
    "schema": 1,
    "name": "faulty",
    "version": "1.0.0",
    "summary": "A release that shows one fault.",
    "use_when": "A test needs a release that fails.",
    "inputs": {
        "namespace": {"type": "string", "default": "faulty", "description": "Where."},
        "objects": {
            "type": "array",
            "multiline": True,
            "default": [],
            "description": "What the chart makes.",
        },
        "replicas": {
            "enum": [1, "three"],
            "default": 1,
            "description": "What the chart's schema looks at.",
        },
    },
    "steps": [
        {
            "id": "release",
            "release": "faulty",
            "chart": "chart/",
            "values": "values.yaml.j2",
            "timeout": 120,
        }
    ],
}


def write_skill(scenario: Scenario, folder: Path) -> Path:
    """A skill of one release; the chart's schema wants a number of replicas."""
    skill = folder / "faulty"
    (skill / "chart" / "templates").mkdir(parents=True)
    (skill / "chart" / "Chart.yaml").write_text(CHART)
    (skill / "chart" / "templates" / "all.yaml").write_text(TEMPLATE)
    schema = {"type": "object", "properties": {"replicas": {"type": "integer"}}}
    (skill / "chart" / "values.schema.json").write_text(json.dumps(schema))
    (skill / "values.yaml.j2").write_text("objects: {{ objects }}\nreplicas: {{ replicas }}\n")
    changed = [
        {"reason": reason, "budget": budget, "why": "shortened for a test"}
        for reason, budget in scenario.header.get("policy", {}).items()
    ]
    data = {**SKILL, "failure_policy": changed, "makes": _makes(scenario)}
    (skill / "skill.yaml").write_text(yaml.safe_dump(data))
    return skill


def _makes(scenario: Scenario) -> dict[str, list[str]]:
    """The kinds of all that the scenario makes; never none, as the form asks for one."""
    made: dict[str, list[str]] = {"here": ["v1 ConfigMap"], "cluster": []}
    for manifest in [*scenario.manifests, *scenario.header.get("before", [])]:
        where = made["cluster" if is_cluster_scoped(manifest["kind"]) else "here"]
        kind = f"{manifest['apiVersion']} {manifest['kind']}"
        if kind not in where:
            where.append(kind)
    return {place: kinds for place, kinds in made.items() if kinds}


async def play_through_helm(
    cluster: Cluster, helm: str, scenario: Scenario, namespace: str, folder: Path
) -> tuple[WaitResult, RecordingCluster]:
    """A run with `before` in the chart where the scenario has it, then the one that is recorded."""
    skill = write_skill(scenario, folder)
    if before := scenario.header.get("before"):
        first = await _run(cluster, PyHelm(helm, cluster), skill, scenario, namespace, before)
        assert first.status == scenario.header.get("before_is", "ready"), first
    recording = RecordingCluster(cluster, SystemClock())
    await recording.version()
    done = await _run(
        recording,
        RecordingHelm(PyHelm(helm, cluster), recording),
        skill,
        scenario,
        namespace,
        scenario.manifests,
    )
    states = {0: "ready", 5: "late"}
    state = states.get(done.exit_code, "failed")
    return WaitResult(state=state, problem=done.problem, notes=done.notes), recording  # type: ignore[arg-type]


async def _run(
    cluster: Cluster,
    helm: PyHelm | RecordingHelm,
    skill: Path,
    scenario: Scenario,
    namespace: str,
    objects: object,
) -> Outcome:
    target = cluster.target

    async def again() -> Cluster:
        return await connect(target.kubeconfig, target.context)

    world = World(
        helm=helm, cluster=cluster, images=MemoryImages(), clock=SystemClock(), connect=again
    )
    listed = [placed(o, namespace) for o in objects]  # type: ignore[attr-defined]
    values = skill.parent / "inputs.yaml"
    inputs = {"namespace": namespace, "objects": listed, **scenario.header.get("inputs", {})}
    await asyncio.to_thread(values.write_text, yaml.safe_dump(inputs))
    request = Request(
        skill=load_skill(skill), name="faulty", namespace=namespace, values_files=(str(values),)
    )
    folder = skill.parent / f"run-{len(list(skill.parent.iterdir()))}"
    folder.mkdir()
    try:
        library = Library((skill.parent,))
        return await run([request], world, library, Run("fault", folder), Options(stability=1))
    except SkillError as error:
        return from_error.outcome_of(error)
