"""What Argo CD delivered of a commit, in memory: waited for, completed by hooks, named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from skill_runner.actions.delivery.applications import Source
from skill_runner.actions.delivery.render import Asked, Rendered, render
from skill_runner.actions.delivery.verify import Ask, check_revision, targets_of, verify
from skill_runner.errors import SkillFileError, UsageError
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Outcome
from skill_runner.plan import Installation
from skill_runner.runs.folder import Run
from tests.support.definitions import definition
from tests.support.graph import Stage

NEW, OLD = "a" * 40, "b" * 40
BUS = Installation("bbb", "bus")
APPLICATION = Ref("argoproj.io/v1alpha1", "Application", "bbb-bus", "argocd")
ARRIVED = {
    "sync": {"status": "Synced", "revision": NEW},
    "health": {"status": "Healthy"},
    "operationState": {"phase": "Succeeded", "syncResult": {"revision": NEW}},
}


async def digest(image: str) -> str:
    return ""


class Delivered:
    """A cluster whose Argo CD is played: it applied `bus`, and its Application says `status`."""

    def __init__(self, folder: Path) -> None:
        self.stage = Stage.of(folder, {"bus": []})
        self.folder = folder

    async def start(self, status: Object) -> Delivered:
        cluster = self.stage.cluster
        crd = definition("argoproj.io", "Application")
        crd["spec"]["versions"][0]["name"] = "v1alpha1"
        await cluster.create(crd)
        for name in ("bbb", "argocd"):
            await cluster.create(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            )
        made = await self.rendered()
        for path, content in made.files.items():
            if path.parts[0] in ("bbb", "applications"):
                await cluster.create(yaml.safe_load(content))
        cluster.set_status(APPLICATION, **status)
        return self

    async def rendered(self) -> Rendered:
        source = Source("https://git.example.org/x.git", ".", "main", "argocd")
        asked = Asked("shop", (self.stage.request("bus"),), self.folder)
        return await render(asked, self.stage.world, self.stage.library, source, digest)

    async def verify(self, *targets: Installation, observe: bool = False) -> Outcome:
        ask = Ask(revision=NEW, observe=observe, timeout=30)
        run = Run("run-1", self.folder)
        return await verify(self.stage.world, run, self.stage.library, targets or (BUS,), ask)

    async def says(self, **status: Any) -> None:
        """Argo CD's next look: the annotation is gone, and the status is new."""
        found = await self.stage.cluster.get(APPLICATION)
        meta = {**found["metadata"], "annotations": {}}
        await self.stage.cluster.replace({**found, "metadata": meta})
        self.stage.cluster.set_status(APPLICATION, **status)


@pytest.fixture
def delivered(tmp_path: Path) -> Delivered:
    return Delivered(tmp_path)


def looking(delivered: Delivered, *looks: Object) -> Callable[[float], Any]:
    """A clock during whose sleeps Argo CD looks again, each time with another result."""
    left, sleep = list(looks), delivered.stage.world.clock.sleep

    async def slept(seconds: float) -> None:
        if left:
            await delivered.says(**left.pop(0))
        await sleep(seconds)

    return slept


async def test_it_is_asked_to_look_and_the_commit_is_waited_for(
    delivered: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is Synced, Healthy and Succeeded of an older commit is not it."""
    before = {**ARRIVED, "sync": {"status": "Synced", "revision": OLD}}
    await delivered.start(before)
    clock = type(delivered.stage.world.clock)
    looks = looking(delivered, before, before, ARRIVED)
    monkeypatch.setattr(clock, "sleep", lambda _, seconds: looks(seconds))
    outcome = await delivered.verify()
    assert outcome.status == "ready", outcome
    assert outcome.notes == (f"{APPLICATION} delivered commit aaaaaaaa", "act: level 1")


async def test_with_observe_nothing_is_written_and_no_hook_is_called(delivered: Delivered) -> None:
    await delivered.start(ARRIVED)
    delivered.stage.cluster.requests.clear()
    outcome = await delivered.verify(observe=True)
    assert outcome.notes == (f"{APPLICATION} delivered commit aaaaaaaa",)
    assert delivered.stage.writes() == []


@pytest.mark.parametrize(
    ("status", "code", "cause"),
    [
        (
            {**ARRIVED, "sync": {"status": "Synced", "revision": OLD}},
            "NOT_READY_IN_TIME",
            "waits for commit aaaaaaaa: it was compared with bbbbbbbb",
        ),
        (
            {
                "sync": {"status": "Unknown", "revision": "main"},
                "health": {"status": "Healthy"},
                "operationState": {"phase": "Succeeded"},
                "conditions": [{"type": "ComparisonError", "message": "no such path"}],
            },
            "RESOURCE_FAILED",
            "ComparisonError (“no such path”)",
        ),
        (
            {
                **ARRIVED,
                "operationState": {
                    "phase": "Failed",
                    "message": "denied",
                    "syncResult": {"revision": NEW},
                },
            },
            "RESOURCE_FAILED",
            "its sync failed (“denied”)",
        ),
    ],
    ids=["another commit", "a broken source", "a failed sync"],
)
async def test_what_does_not_arrive_is_named(
    delivered: Delivered, status: Object, code: str, cause: str
) -> None:
    await delivered.start(status)
    outcome = await delivered.verify(observe=True)
    assert outcome.problem is not None
    assert (outcome.problem.code, outcome.problem.cause) == (code, cause)
    assert outcome.problem.resource == str(APPLICATION)
    assert outcome.exit_code == (5 if code == "NOT_READY_IN_TIME" else 1)


async def test_an_installation_without_an_application_is_late(delivered: Delivered) -> None:
    await delivered.start(ARRIVED)
    other = Installation("zzz", "other")
    outcome = await delivered.verify(BUS, other, observe=True)
    assert outcome.problem is not None
    assert outcome.problem.resource == "Application of zzz/other"
    assert [(line.installation, line.status) for line in outcome.skills] == [
        ("bbb/bus", "ready"),
        ("zzz/other", "not_ready"),
    ]


def test_a_folder_lists_its_installations_by_wave(tmp_path: Path) -> None:
    listed = [{"installation": "b/late", "wave": 1}, {"installation": "a/first", "wave": 0}]
    (tmp_path / "installations.yaml").write_text(yaml.safe_dump({"installations": listed}))
    assert list(map(str, targets_of(str(tmp_path), None))) == ["a/first", "b/late"]


def test_a_listing_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "installations.yaml").write_text("installations: [{wave: 1}]")
    with pytest.raises(SkillFileError, match="is not a list of installations"):
        targets_of(str(tmp_path), None)


def test_a_name_needs_its_namespace() -> None:
    assert targets_of("bus", "bbb") == (BUS,)
    with pytest.raises(UsageError, match="bus was not written by `skill render`"):
        targets_of("bus", None)


@pytest.mark.parametrize("revision", ["main", "abc1234", "A" * 40])
def test_only_a_commit_in_full_can_be_compared(revision: str) -> None:
    with pytest.raises(UsageError, match="not a full commit hash"):
        check_revision(revision)
    assert check_revision(NEW) == NEW
