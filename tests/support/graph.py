"""Skills of one ConfigMap each, in memory, that require each other as a test writes down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from skill_runner.actions.request import Request
from skill_runner.actions.run import plan as plan_requests
from skill_runner.actions.run import run as run_requests
from skill_runner.backends.world import World
from skill_runner.execution.state import Options
from skill_runner.outcome import Outcome, to_dict
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library
from skill_runner.testing import FakeClock, MemoryCluster, MemoryHelm
from skill_runner.testing.images import MemoryImages

TOPICS = {"type": "array", "items": {"type": "string"}, "default": [], "description": "Topics."}
INPUTS: dict[str, Any] = {
    "topics": TOPICS,
    "size": {"type": "integer", "default": 1, "change": "grow", "description": "How big."},
    "mode": {
        "enum": ["plain", "odd"],
        "default": "plain",
        "change": "refuse",
        "description": "Which.",
    },
    "level": {"type": "integer", "default": 1, "description": "May change freely."},
}
HOOKS = """
from skill_runner.hooks import GiveUp

async def act(ctx):
    if ctx.inputs["level"] == 13:
        raise GiveUp("level 13 never works")
    return f"level {ctx.inputs['level']}"
"""
MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ installation.name }}"}
data: {topics: "{{ topics }}", size: "{{ size }}", level: "{{ level }}", read: "{{ requires }}"}
"""


def write_skill(folder: Path, name: str, **more: Any) -> None:
    """A skill folder; `more` are parts of its skill.yaml, added or replaced."""
    namespace = {
        "type": "string",
        "default": name[0] * 3,
        "change": "refuse",
        "description": "Where.",
    }
    data = {
        "schema": 1,
        "name": name,
        "version": "1.0.0",
        "summary": "A skill of the tests.",
        "use_when": "A test needs a skill.",
        "stability": 0,
        "inputs": {"namespace": namespace, **INPUTS},
        "makes": {"here": ["v1 ConfigMap", "v1 Secret", "apps/v1 Deployment"]},
        "steps": [{"id": "map", "apply": "map.yaml.j2"}, {"id": "act", "hook": "act"}],
        "outputs": {
            "address": "{{ installation.name }}.{{ namespace }}.svc",
            "topics": "{{ topics }}",
        },
        **more,
    }
    (folder / name).mkdir(parents=True)
    (folder / name / "skill.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    (folder / name / "hooks.py").write_text(HOOKS)
    (folder / name / "map.yaml.j2").write_text(MANIFEST)


@dataclass
class Stage:
    """A cluster in memory, and a library of skills by what they require."""

    folder: Path
    cluster: MemoryCluster
    world: World
    runs: int = 0

    @staticmethod
    def of(folder: Path, skills: Mapping[str, Any]) -> Stage:
        for name, requires in skills.items():
            more = requires if isinstance(requires, dict) else {"requires": requires}
            write_skill(folder / "skills", name, **more)
        cluster = MemoryCluster(FakeClock())

        async def connect() -> MemoryCluster:
            return cluster

        world = World(
            helm=MemoryHelm(cluster),
            cluster=cluster,
            images=MemoryImages(),
            clock=cluster.clock,
            connect=connect,
        )
        return Stage(folder, cluster, world)

    @property
    def library(self) -> Library:
        return Library((self.folder / "skills",))

    def request(self, skill: str, *sets: str, **more: Any) -> Request:
        found = self.library.find(skill)
        return Request(**{"skill": found, "name": skill, "namespace": None, "sets": sets, **more})

    async def run(self, *requests: Request, options: Options | None = None) -> Outcome:
        self.runs += 1
        folder = self.folder / f"run-{self.runs}"
        folder.mkdir()
        run = Run(f"run-{self.runs}", folder)
        return await run_requests(requests, self.world, self.library, run, options or Options())

    def writes(self) -> list[str]:
        """What was written since the requests were cleared, but for Leases."""
        return [str(ref) for ref in self.cluster.writes if ref.kind != "Lease"]

    async def plan(self, *requests: Request) -> Outcome:
        return await plan_requests(requests, self.world, self.library)


def lines(outcome: Outcome) -> dict[str, str]:
    """The status of each installation."""
    return {line["installation"]: line["status"] for line in to_dict(outcome)["skills"]}
