"""A world whose cluster is reached over HTTP, with skills that make much."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from skill_runner.actions import request
from skill_runner.actions.run import run as run_requests
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.kube import KubeCluster, connect
from skill_runner.backends.world import World
from skill_runner.execution.state import Options
from skill_runner.objects import Object
from skill_runner.outcome import Outcome
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library
from skill_runner.testing import MemoryCluster, MemoryHelm, simulate
from skill_runner.testing.images import MemoryImages
from tests.promises.scale.apiserver import ApiServer, serving
from tests.promises.scale.crowd import HERE, node, render, write_skill
from tests.unit.backends.kube.conftest import write_kubeconfig

BIG = "big-setup"


@dataclass
class Stage:
    """`server` counts what `world` asks; Helm's own requests are not among them."""

    server: ApiServer
    world: World
    folder: Path
    runs: int = 0

    @property
    def library(self) -> Library:
        return Library((self.folder / "skills",))

    async def run(self, *names: str) -> Outcome:
        """One run of these skills; what it asked is what `server` counts afterwards."""
        self.runs += 1
        folder = self.folder / f"run-{self.runs}"
        folder.mkdir()
        run = Run(f"run-{self.runs}", folder)
        self.server.asked.clear()
        requests = [
            request.Request(skill=self.library.find(name), name=name, namespace=None)
            for name in names
        ]
        return await run_requests(requests, self.world, self.library, run, Options())

    def asked(self) -> Counter[str]:
        return self.server.counted()


@asynccontextmanager
async def standing(folder: Path, crowd: Iterable[Object] = ()) -> AsyncIterator[Stage]:
    """A cluster with this crowd, and the skill of 300 objects in one release."""
    chart = {"id": "all", "release": "big", "chart": "chart/", "values": "values.yaml.j2"}
    write_skill(folder / "skills", BIG, chart)
    memory = MemoryCluster(SystemClock())
    simulate(memory)
    memory.put(node())
    memory.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HERE}})
    helm = MemoryHelm(memory)
    helm.add_chart(str(folder / "skills" / BIG / "chart"), render)
    with serving(ApiServer(memory, tuple(crowd))) as server:
        kubeconfig = write_kubeconfig(folder, server.url, token="t0ken")

        async def join() -> KubeCluster:
            return await connect(kubeconfig)

        cluster = await join()
        world = World(
            helm=helm, cluster=cluster, images=MemoryImages(), clock=SystemClock(), connect=join
        )
        try:
            yield Stage(server, world, folder)
        finally:
            await cluster.close()
