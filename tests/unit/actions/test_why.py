"""What `skill why` says of releases, namespaces and installations in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from skill_runner.actions import why
from skill_runner.backends.base import ReleaseSpec
from skill_runner.backends.world import World
from skill_runner.errors import UsageError
from skill_runner.objects import Object
from skill_runner.outcome import Outcome, to_dict
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library
from skill_runner.testing import FakeClock, MemoryCluster, MemoryHelm
from skill_runner.testing.images import MemoryImages
from tests.support.waiting import DEPLOYMENT, LABELS, owned_by, running, waiting

CRASHED = {
    "phase": "Running",
    "containerStatuses": [
        {
            "name": "c",
            "ready": False,
            "restartCount": 6,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}},
        }
    ],
}


class Stage:
    """A Helm release of one Deployment whose pod has the status that a test gives it."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.cluster = MemoryCluster(self.clock)
        self.helm = MemoryHelm(self.cluster)
        self.helm.add_chart("web", _render)
        self.run = Run("why-1", folder)
        self.world = World(
            helm=self.helm,
            cluster=self.cluster,
            images=MemoryImages(),
            clock=self.clock,
            connect=self._connect,
        )

    async def _connect(self) -> MemoryCluster:
        return self.cluster

    async def install(self, status: Object) -> None:
        spec = ReleaseSpec(name="web", namespace="default", chart="web")
        await self.helm.install_or_upgrade(spec)
        deployment = (await self.cluster.list("apps/v1", "Deployment")).items[0]
        note = {"deployment.kubernetes.io/revision": "1"}
        owner = self.cluster.put(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": "web-1",
                    "namespace": "default",
                    "labels": LABELS,
                    "annotations": note,
                    "ownerReferences": [owned_by(deployment)],
                },
                "spec": {"replicas": 1, "selector": {"matchLabels": LABELS}},
            }
        )
        self.cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": "web-1-a",
                    "namespace": "default",
                    "labels": LABELS,
                    "ownerReferences": [owned_by(owner)],
                },
                "spec": {"containers": [{"name": "c", "image": "example.org/web:1"}]},
                "status": status,
            }
        )

    async def ready(self) -> None:
        await self.install(running())
        deployment = (await self.cluster.list("apps/v1", "Deployment")).items[0]
        counts = dict.fromkeys(
            ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1
        )
        self.cluster.put(
            {
                **deployment,
                "status": {"observedGeneration": deployment["metadata"]["generation"], **counts},
            }
        )


def _render(spec: ReleaseSpec) -> Iterable[Object]:
    yield DEPLOYMENT


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def told(outcome: Outcome) -> str:
    return json.dumps(to_dict(outcome))


async def test_a_release_of_anyone(stage: Stage) -> None:
    await stage.install(CRASHED)
    written = len(stage.cluster.writes)
    outcome = await why.why_release(stage.world, stage.run, "web", "default")
    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert outcome.problem is not None
    assert outcome.problem.code == "CRASH_LOOP"
    assert "Deployment default/web" in told(outcome)
    assert len(stage.cluster.writes) == written


async def test_the_commands_to_run_next_fit_a_release_without_a_skill(stage: Stage) -> None:
    await stage.install(waiting("InvalidImageName", "bad"))
    outcome = await why.why_release(stage.world, stage.run, "web", "default")
    assert outcome.problem is not None
    runs = [n.run for n in outcome.problem.next]
    assert runs[0].startswith("helm get values web -n default --all")
    assert all("--context memory" in run or "--kube-context memory" in run for run in runs)
    assert not any("{" in run for run in runs)


async def test_a_namespace_whoever_made_what_is_in_it(stage: Stage) -> None:
    await stage.install(CRASHED)
    outcome = await why.why_namespace(stage.world, stage.run, "default")
    assert outcome.problem is not None
    assert outcome.problem.resource == "Pod default/web-1-a container c"
    assert [note.partition(":")[0] for note in outcome.notes] == ["checked 1 object"]


async def test_nothing_wrong(stage: Stage) -> None:
    await stage.ready()
    for outcome in (
        await why.why_release(stage.world, stage.run, "web", "default"),
        await why.why_namespace(stage.world, stage.run, "default"),
    ):
        assert (outcome.status, outcome.problem) == ("ready", None)


async def test_a_release_that_helm_calls_pending_is_told(stage: Stage) -> None:
    await stage.ready()
    await stage.helm.leave_pending("web", "default")
    outcome = await why.why_release(stage.world, stage.run, "web", "default")
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == ("failed", "RELEASE_LOCKED")


async def test_what_does_not_exist_is_named(stage: Stage) -> None:
    await stage.ready()
    with pytest.raises(UsageError, match="no release 'none'"):
        await why.why_release(stage.world, stage.run, "none", "default")
    with pytest.raises(UsageError, match="no namespace 'none'"):
        await why.why_namespace(stage.world, stage.run, "none")
    with pytest.raises(UsageError, match="no installation"):
        await why.why_all(stage.world, stage.run, Library(()))
