"""A skill of one release, one hook and one proof, and a world in memory to run it in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from skill_runner.actions.request import Request
from skill_runner.actions.run import run
from skill_runner.backends.base import ReleaseSpec
from skill_runner.backends.world import World
from skill_runner.execution.state import Options
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Outcome
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library
from skill_runner.testing import FakeClock, MemoryCluster, MemoryHelm
from skill_runner.testing.images import MemoryImages

SKILL = """
schema: 1
name: demo-setup
version: 1.0.0
summary: A demonstration.
use_when: A test needs a skill.
inputs:
  namespace: {type: string, default: demo, change: refuse, description: Where.}
  replicas: {type: integer, minimum: 1, default: 1, description: How many.}
  token: {type: string, default: "", writeOnly: true, description: A secret.}
  color: {type: string, default: blue, change: refuse, description: Which.}
steps:
  - {id: app, release: app, chart: chart/, values: values.yaml.j2}
  - {id: after, hook: after}
prove:
  - {id: answers, hook: prove, kind: probe}
makes:
  here:
    - apps/v1 Deployment
    - apps/v1 StatefulSet
    - batch/v1 Job
    - example.org/v1 Database
    - rbac.authorization.k8s.io/v1 Role
    - v1 ConfigMap
    - v1 PersistentVolumeClaim
    - v1 Secret
  elsewhere:
    - {namespaces: learnflow, kinds: [rbac.authorization.k8s.io/v1 Role, v1 ConfigMap]}
outputs:
  address: "app.{{ namespace }}.svc:80"
"""


HOOKS = """
from skill_runner.hooks import GiveUp

async def after(ctx):
    return "done after"

async def prove(ctx):
    if ctx.inputs["replicas"] == 6:
        raise GiveUp("six is not proven with " + ctx.inputs["token"])
    if ctx.inputs["replicas"] == 7:
        raise GiveUp("seven is not proven\\nevidence of seven")
    return f"{ctx.inputs['replicas']} replicas answer"
"""


DEPLOYMENT = Ref("apps/v1", "Deployment", "app", "demo")


def render(spec: ReleaseSpec) -> Iterable[Object]:
    labels = {"app": "app"}
    container = {
        "name": "app",
        "image": "example.org/app:1",
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi"},
            "limits": {"cpu": "1", "memory": "16Mi"},
        },
        "livenessProbe": {"tcpSocket": {"port": 80}},
        "readinessProbe": {"tcpSocket": {"port": 80}},
    }
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "namespace": spec.namespace},
        "spec": {
            "replicas": spec.values["replicas"],
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


async def become_ready(cluster: MemoryCluster, obj: Object) -> None:
    if obj["metadata"].get("deletionTimestamp"):
        return
    count = obj["spec"].get("replicas", 1)
    cluster.set_status(
        Ref.of(obj),
        observedGeneration=obj["metadata"]["generation"],
        replicas=count,
        updatedReplicas=count,
        readyReplicas=count,
        availableReplicas=count,
        conditions=[
            {"type": "Available", "status": "True"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        ],
    )


@dataclass
class Stage:
    """A world in memory with one skill."""

    world: World
    cluster: MemoryCluster
    helm: MemoryHelm
    library: Library
    folder: Path
    runs: int = 0
    last: Run = field(default_factory=lambda: Run("none", Path()))

    async def run(self, *sets: str, options: Options | None = None, **given: Any) -> Outcome:
        self.runs += 1
        folder = self.folder / f"run-{self.runs}"
        folder.mkdir()
        request = Request(
            skill=self.library.find("demo-setup"),
            name="demo-setup",
            namespace=None,
            sets=sets,
            given=given,
        )
        self.last = Run(f"demo-{self.runs}", folder)
        return await run([request], self.world, self.library, self.last, options or Options())

    def writes(self) -> list[str]:
        """What was written to objects other than the Lease."""
        return [str(r) for r in self.cluster.writes if r.kind != "Lease"]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    folder = tmp_path / "skills" / "demo-setup"
    (folder / "chart").mkdir(parents=True)
    (folder / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: app\nversion: 1.0.0\n")
    (folder / "skill.yaml").write_text(SKILL)
    (folder / "hooks.py").write_text(HOOKS)
    (folder / "values.yaml.j2").write_text("replicas: {{ replicas }}\n")
    cluster = MemoryCluster(FakeClock())
    cluster.on_apply("Deployment", become_ready)
    helm = MemoryHelm(cluster)
    helm.add_chart(str(folder / "chart"), render)

    async def connect() -> MemoryCluster:
        return cluster

    world = World(
        helm=helm, cluster=cluster, images=MemoryImages(), clock=cluster.clock, connect=connect
    )
    return Stage(world, cluster, helm, Library((tmp_path / "skills",)), tmp_path)
