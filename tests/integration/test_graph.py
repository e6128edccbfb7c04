"""Skills that require each other, driven by the command on a real cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from skill_runner.actions.request import Request
from skill_runner.actions.run import run as run_requests
from skill_runner.backends.base import Cluster
from skill_runner.cli import connect
from skill_runner.cli.target import Asked
from skill_runner.execution.state import Options
from skill_runner.objects import Ref
from skill_runner.progress import silent
from skill_runner.runs.folder import Run
from skill_runner.skill.library import default_library
from tests.support.driver import Driver
from tests.support.graph import write_skill
from tests.support.testcluster import TestCluster
from tests.support.testimage import IMAGE

DEPLOYMENT = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: "{{{{ installation.name }}}}"}}
spec:
  selector: {{matchLabels: {{app: "{{{{ installation.name }}}}"}}}}
  template:
    metadata:
      labels: {{app: "{{{{ installation.name }}}}"}}
      annotations: {{read: "{{{{ requires }}}}", topics: "{{{{ topics }}}}"}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: {IMAGE}
          command: [sleep, "100000"]
          resources:
            requests: {{cpu: 1m, memory: 4Mi}}
            limits: {{cpu: 50m, memory: 16Mi}}
          livenessProbe: {{exec: {{command: ["true"]}}}}
          readinessProbe: {{exec: {{command: ["true"]}}, periodSeconds: 1}}
"""
SKILLS: dict[str, list[dict[str, Any]]] = {
    "bus": [],
    "db": [],
    "app": [{"skill": "bus", "with": {"topics": "{{ topics }}"}}, {"skill": "db"}],
    "page": [{"skill": "db"}],
}
PLATFORM = {
    "schema": 1,
    "installations": [
        {"skill": "app", "inputs": {"topics": ["orders"]}},
        {"skill": "page"},
        {"skill": "app", "name": "second", "inputs": {"topics": ["lessons"]}},
    ],
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("skills")
    for name, requires in SKILLS.items():
        write_skill(folder, name, requires=requires)
        (folder / name / "map.yaml.j2").write_text(DEPLOYMENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKILL_PATH", str(folder))
        yield folder


@pytest.fixture(scope="module")
def driver(
    test_cluster: TestCluster,
    busybox: None,
    library: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Driver:
    cluster = test_cluster
    state = tmp_path_factory.mktemp("state")
    return Driver(cluster.kubeconfig, cluster.context, cluster.audit_log, state)


@pytest.fixture(scope="module")
def untouched(driver: Driver) -> set[str]:
    return driver.objects()


def _lines(outcome: dict[str, Any]) -> dict[str, str]:
    return {line["installation"]: line["status"] for line in outcome["skills"]}


class Counting:
    """A cluster that remembers what was read of it, as verb, kind and name or namespace."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.reads: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cluster, name)

    async def get(self, ref: Ref) -> Any:
        self.reads.append(f"get {ref.kind} {ref.namespace}/{ref.name}")
        return await self.cluster.get(ref)

    async def list(self, api_version: str, kind: str, **more: Any) -> Any:
        self.reads.append(f"list {kind} in {more.get('namespace') or 'all'}")
        return await self.cluster.list(api_version, kind, **more)


def _reads_of_a_run(driver: Driver, skill: str, folder: Path) -> list[str]:
    """Which ConfigMaps, so which records, a run reads outside of the installation's namespace."""

    async def work() -> list[str]:
        library = default_library()
        found = library.find(skill)
        request = Request(skill=found, name=skill, namespace=None)
        asked = Asked(str(driver.kubeconfig), driver.context)
        async with connect.world(asked, silent) as world:
            counting = Counting(world.cluster)
            own = replace(world, cluster=cast(Cluster, counting))
            run = Run("counted", folder)
            await run_requests([request], own, library, run, Options())
            own_namespace = skill[0] * 3
            return [r for r in counting.reads if "ConfigMap" in r and own_namespace not in r]

    return asyncio.run(work())


def test_a_graph_from_nothing_to_nothing(
    driver: Driver, untouched: set[str], tmp_path: Path
) -> None:
    planned = driver.skill("plan", "app", "--set", "topics=[orders]")
    assert _lines(planned) == {"bbb/bus": "planned", "ddd/db": "planned", "aaa/app": "planned"}
    assert driver.objects() == untouched

    first = driver.skill("run", "app", "--set", "topics=[orders]")
    assert (first["status"], first["installation"]) == ("ready", "aaa/app")
    assert _lines(first) == {"bbb/bus": "ready", "ddd/db": "ready", "aaa/app": "ready"}
    assert first["critical_path"][-1] == "aaa/app"
    assert len(first["critical_path"]) == 2

    position = driver.audit_position()
    again = driver.skill("run", "app")
    assert (again["status"], again["changed"]) == ("unchanged", False)
    assert _lines(again) == {"bbb/bus": "used", "ddd/db": "used", "aaa/app": "unchanged"}
    if driver.audit_log:
        assert driver.writes_since(position, "aaa") == []

    assert _reads_of_a_run(driver, "app", tmp_path) == [
        "get ConfigMap bbb/skill-runner.bus",
        "get ConfigMap ddd/skill-runner.db",
    ]

    refused = driver.skill("remove", "bus", "--yes", code=6)
    assert refused["problem"]["cause"] == "bbb/bus is required by aaa/app"
    gone = driver.skill("remove", "bus", "--yes", "--cascade")
    assert _lines(gone) == {"bbb/bus": "removed", "aaa/app": "removed"}
    assert any(note.startswith("kept ddd/db, which nothing requires") for note in gone["notes"])
    driver.skill("remove", "db", "--yes")
    assert driver.objects() == untouched


def test_a_failed_requirement_blocks_its_dependents_alone(
    driver: Driver, untouched: set[str], library: Path, tmp_path: Path
) -> None:
    write_skill(tmp_path, "lame", requires=[{"skill": "bus", "with": {"level": 13}}])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKILL_PATH", f"{library}:{tmp_path}")
        file = _platform(tmp_path, [{"skill": "lame"}, {"skill": "page"}])
        outcome = driver.skill("up", file, code=1)
        assert _lines(outcome) == {
            "bbb/bus": "failed",
            "ddd/db": "ready",
            "lll/lame": "blocked",
            "ppp/page": "ready",
        }
        assert "level 13 never works" in outcome["problem"]["cause"]
        driver.skill("remove", "bus", "--yes")
        driver.skill("down", file, "--yes")
    assert driver.objects() == untouched


def test_a_platform_goes_up_stays_and_goes_down(
    driver: Driver, untouched: set[str], tmp_path: Path
) -> None:
    file = _platform(tmp_path, PLATFORM["installations"])
    up = driver.skill("up", file)
    assert set(_lines(up).values()) == {"ready"}
    assert sorted(_lines(up)) == ["aaa/app", "aaa/second", "bbb/bus", "ddd/db", "ppp/page"]

    position = driver.audit_position()
    again = driver.skill("up", file)
    assert again["status"] == "unchanged"
    assert _lines(again)["bbb/bus"] == "used"
    if driver.audit_log:
        for namespace in ("aaa", "bbb", "ddd", "ppp"):
            assert driver.writes_since(position, namespace) == []

    down = driver.skill("down", file, "--yes")
    assert set(_lines(down).values()) == {"removed"}
    assert sorted(_lines(down)) == sorted(_lines(up))
    assert driver.objects() == untouched
    assert driver.skill("down", file, "--yes")["notes"] == ["nothing of it is there"]


PROVE = {
    "id": "page",
    "hook": "ask",
    "kind": "probe",
    "timeout": "1m",
    "edges": {
        "serves": {"from": "bus", "to": "bus", "by": "a server"},
        "asks": {"from": "page", "to": "bus", "by": "HTTP"},
    },
}
HOOKS = """
from skill_runner.hooks import GiveUp

async def pod_of(ctx):
    pods = await ctx.list("v1", "Pod", labels=f"app={ctx.installation.name}")
    if not pods:
        raise GiveUp(f"{ctx.installation.name} has no pod")
    return pods[0]

async def ask(ctx):
    page, bus = ctx.of("page"), ctx.of("bus")
    async with ctx.edge("serves") as seen:
        server = await pod_of(bus)
        command = ["sh", "-c", "echo served > /tmp/said; httpd -p 8080 -h /tmp"]
        await bus.exec(server["metadata"]["name"], command, container="main")
        seen("listens")
    async with ctx.edge("asks") as seen:
        caller = await pod_of(page)
        address = f"http://{server['status']['podIP']}:8080/said"
        said = await page.exec(
            caller["metadata"]["name"], ["wget", "-qO-", address], container="main")
        if said.exit_code:
            raise GiveUp(f"no answer: {said.stderr}")
        seen(said.stdout.strip())
"""


def _edges(outcome: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(e["from"], e["to"], e["status"], e.get("message", "")) for e in outcome["edges"]]


def test_a_platform_is_proven_by_its_own_hooks_and_a_broken_edge_names_itself(
    driver: Driver, untouched: set[str], tmp_path: Path
) -> None:
    file = _platform(tmp_path, [{"skill": "bus"}, {"skill": "page"}], [PROVE])
    (tmp_path / "hooks.py").write_text(HOOKS)
    seen = [("bus", "bus", "seen", "listens"), ("page", "bus", "seen", "served")]
    assert _edges(driver.skill("up", file)) == seen

    position = driver.audit_position()
    again = driver.skill("up", file)
    assert (again["status"], again["changed"], _edges(again)) == ("unchanged", False, seen)
    verified = driver.skill("verify", file)
    assert (verified["status"], _edges(verified)) == ("ready", seen)
    if driver.audit_log:
        for namespace in ("bbb", "ppp"):
            written = driver.writes_since(position, namespace)
            assert [line for line in written if "/exec" not in line] == []

    (tmp_path / "hooks.py").write_text(HOOKS.replace(":8080/said", ":8081/said"))
    broken = driver.skill("up", file, code=1)
    assert [each[2] for each in _edges(broken)] == ["seen", "broken"]
    assert broken["problem"]["resource"] == "edge page → bus of test"
    assert "Connection refused" in broken["problem"]["cause"]
    assert broken["problem"]["next"][0]["run"].startswith("skill why bus -n bbb")
    driver.skill("down", file, "--yes", "--cascade")
    assert driver.objects() == untouched


def _platform(folder: Path, installations: object, prove: Sequence[object] = ()) -> str:
    file = folder / "platform.yaml"
    platform = {"schema": 1, "name": "test", "installations": installations}
    whole = {**platform, **({"prove": prove} if prove else {})}
    file.write_text(yaml.safe_dump(whole, sort_keys=False))
    return str(file)
