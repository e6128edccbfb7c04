"""A world that a process sees through a gate, from any state of a cluster; what is in it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skill_runner.actions.remove import finish, remove
from skill_runner.actions.request import Request
from skill_runner.actions.run import run as run_requests
from skill_runner.backends.helm.storage import payload_of
from skill_runner.backends.world import World
from skill_runner.execution.state import Options
from skill_runner.installations import store
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Outcome
from skill_runner.plan.placement import KEPT
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library
from skill_runner.testing import FakeClock, MemoryCluster, simulate
from skill_runner.testing.images import MemoryImages
from tests.promises.kill import skills
from tests.promises.kill.stops import Gate, GatedCluster, GatedHelm, Snapshot, restore, snapshot

Operation = Callable[["Stage", World], Awaitable[Outcome | None]]
CLAIM: Final = "PersistentVolumeClaim"
LEASE: Final = 61.0  # seconds: longer than a lock lives without a heartbeat
_OTHERS: Final = ("strangers", "neighbour", "default", "kube-system", "data-other-0", "standard")
_WORKLOADS: Final = (
    "Deployment",
    "StatefulSet",
    "Job",
    "Database",
    "Service",
    "CustomResourceDefinition",
)


@dataclass
class Stage:
    """The skills, and the cluster as one state of it."""

    folder: Path
    library: Library
    cluster: MemoryCluster

    @staticmethod
    def of(folder: Path, library: Library, state: Snapshot | None = None, wait: float = 0) -> Stage:
        """A cluster at a state; its controllers look at everything again, as after a restart."""
        cluster = MemoryCluster(FakeClock(state.now + wait) if state else FakeClock())
        simulate(cluster)
        cluster.on_apply("Database", skills.operate)
        cluster.on_apply("CustomResourceDefinition", skills.establish)
        if state is not None:
            restore(cluster, state)
            for obj in cluster.store.select(lambda ref, _: ref.kind in _WORKLOADS):
                if not is_strangers(obj):
                    cluster._control(obj, changed=True)
        return Stage(folder, library, cluster)

    def process(self, gate: Gate | None = None) -> World:
        """What one process is handed."""
        gated = GatedCluster(self.cluster, gate or Gate(self.cluster))
        helm = GatedHelm(gated, gated._gate)
        demo = self.library.folder_of("demo")
        helm.add_chart(str(demo / "store"), skills.store_chart)
        helm.add_chart(
            str(demo / "operator"), skills.operator_chart, definitions=(skills.DATABASE,)
        )

        async def connect() -> GatedCluster:
            return gated

        return World(
            helm=helm,
            cluster=gated,
            images=MemoryImages(),
            clock=self.cluster.clock,
            connect=connect,
        )

    def plant(self, objects: Iterable[Object]) -> None:
        """Put objects of others there."""
        for obj in objects:
            self.cluster.put(obj)

    async def leave(self) -> Snapshot:
        """The state at the end; the controllers end."""
        state = snapshot(self.cluster)
        await self.cluster.close()
        return state


def run(level: int) -> Operation:
    """`skill run demo --set level=…`."""

    async def operation(stage: Stage, world: World) -> Outcome:
        request = Request(
            skill=stage.library.find("demo"),
            name="demo",
            namespace=None,
            sets=(f"level={level}",),
            given={"token": "hush"},
        )
        folder = stage.folder / "run"
        folder.mkdir(exist_ok=True)
        return await run_requests([request], world, stage.library, Run("run", folder), Options())

    return operation


def take_away(*names: str, purge: bool = False) -> Operation:
    """`skill remove NAME --yes --cascade` of each."""

    async def operation(stage: Stage, world: World) -> Outcome | None:
        found = await store.find_all(world.cluster)
        targets = [each for each in found if each.installation.name in names]
        for name in set(names) - {each.installation.name for each in targets}:
            await finish(world, name, None)
        if not targets:
            return None
        return await remove(world, targets, purge=purge, cascade=True)

    return operation


def is_strangers(obj: Object) -> bool:
    name = obj["metadata"]["name"]
    return name in _OTHERS or (obj["kind"] == "Namespace" and name == skills.SPACE)


def strangers(state: Snapshot) -> dict[Ref, Object]:
    """Every object of others, whole."""
    return {ref: obj for ref, obj in state.objects.items() if is_strangers(obj)}


def data(state: Snapshot) -> dict[Ref, str]:
    """The volumes of ours, by uid."""
    return {
        ref: obj["metadata"]["uid"]
        for ref, obj in state.objects.items()
        if ref.kind == CLAIM and not is_strangers(obj)
    }


def shape(state: Snapshot) -> dict[str, str]:
    """Every object of ours as text, without what differs between two runs that did the same."""
    found: dict[str, str] = {}
    for ref, obj in sorted(state.objects.items()):
        if is_strangers(obj):
            continue
        if obj.get("type") == "helm.sh/release.v1":
            payload = payload_of(obj)
            if payload["info"]["status"] == "superseded":
                continue
            text = f"{payload['info']['status']} {payload['manifest']}"
            found[f"release {ref.namespace}/{payload['name']}"] = text
        else:
            found[str(ref)] = json.dumps(_plain(obj), sort_keys=True)
    return found


def _plain(obj: Mapping[str, Any]) -> dict[str, Any]:
    meta = {
        key: value
        for key, value in obj["metadata"].items()
        if key not in ("uid", "resourceVersion", "creationTimestamp", "generation")
    }
    for key in ("annotations", "labels", "ownerReferences"):
        if not meta.get(key):
            meta.pop(key, None)
    # Of what a removal had begun with, the mark stays; on what is others' it would be seen.
    ours = ("deployment.kubernetes.io/revision", KEPT)
    notes = {k: v for k, v in meta.get("annotations", {}).items() if k not in ours}
    if notes:
        meta["annotations"] = notes
    else:
        meta.pop("annotations", None)
    owners = [{k: v for k, v in o.items() if k != "uid"} for o in meta.pop("ownerReferences", ())]
    plain = {**obj, "metadata": {**meta, **({"owners": owners} if owners else {})}}
    plain["status"] = {}
    if obj["kind"] == "EndpointSlice":
        plain["endpoints"] = []
    if meta["name"].startswith("skill-runner."):
        # One that is kept names the data and inputs of its own time; a Secret may still hold what
        # was good before, for the next record that is written to take away.
        kept = meta.get("labels", {}).get("skill-runner.dev/record") == "kept"
        plain["data"] = (
            {}
            if kept
            else {
                key: _record(key, text)
                for key, text in obj.get("data", {}).items()
                if not key.startswith(store.GOOD_PREFIX)
            }
        )
    return plain


def _record(key: str, text: str) -> Any:
    """What a record says of the installation; its key is random, and so are its digests."""
    if key != store.KEY:
        return "" if key.startswith(".") else text
    for changing in ("created", "updated", "at", "seconds", "revision"):
        text = re.sub(rf'"{changing}": [0-9.e]+', f'"{changing}": 0', text)
    data = json.loads(re.sub(r'"([a-z_]*digest|uid)": "[^"]*"', r'"\1": ""', text))
    objects = sorted(data["objects"], key=str)
    return {**data, "objects": objects, "leaving": [], "uids": [], "created_namespace": False}
