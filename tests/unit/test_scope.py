"""What a worker is confined to holds for every command, by the records of the cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from skill_runner.actions import request
from skill_runner.actions.remove import remove
from skill_runner.actions.run import plan as plan_requests
from skill_runner.actions.run import run as run_requests
from skill_runner.actions.verify import verify as verify_installation
from skill_runner.actions.why import why_all, why_installation, why_namespace, why_release
from skill_runner.backends.world import World
from skill_runner.errors import Refused, UsageError
from skill_runner.execution.state import Options
from skill_runner.progress import Concerns, Event
from skill_runner.runs.folder import Run
from skill_runner.scope import OPEN, VARIABLE, Scope
from tests.support.graph import Stage

# The installations are aaa/app, which requires bbb/bus, and bbb/bus.
SKILLS = {"bus": [], "app": [{"skill": "bus"}]}


class Worker:
    """The commands as a confined worker has them, each about the installation bbb/bus."""

    def __init__(self, stage: Stage, scope: Scope) -> None:
        self.stage = stage
        self.events: list[Event] = []
        self.world: World = replace(stage.world, scope=scope, report=self.events.append)
        folder = stage.folder / "worker"
        folder.mkdir(exist_ok=True)
        self.on = Run("worker", folder)

    async def run(self) -> object:
        wanted = [self.stage.request("bus")]
        return await run_requests(wanted, self.world, self.stage.library, self.on, Options())

    async def plan(self) -> object:
        return await plan_requests([self.stage.request("bus")], self.world, self.stage.library)

    async def verify(self) -> object:
        return await verify_installation(
            self.world, self.on, self.stage.library, "bus", None, observe=False, timeout=60
        )

    async def why(self) -> object:
        target = await request.find_record(self.world, "bus", None)
        return await why_installation(self.world, self.on, target, self.stage.library)

    async def remove(self) -> object:
        target = await request.find_record(self.world, "bus", None)
        return await remove(self.world, [target], purge=False, cascade=True)


COMMANDS: Mapping[str, Callable[[Worker], Awaitable[object]]] = {
    "run": Worker.run,
    "plan": Worker.plan,
    "verify": Worker.verify,
    "why": Worker.why,
    "remove": Worker.remove,
}


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    made = Stage.of(tmp_path, SKILLS)
    await made.run(made.request("bus"))
    made.cluster.requests.clear()
    return made


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "scope", [Scope(("app",)), Scope((), ("aaa",)), Scope(("bus",), ("aaa",)), Scope(("app",), ())]
)
async def test_a_foreign_installation_is_refused(stage: Stage, command: str, scope: Scope) -> None:
    with pytest.raises(Refused, match="not allowed here"):
        await COMMANDS[command](Worker(stage, scope))
    assert stage.writes() == []


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("scope", [OPEN, Scope(("bus",)), Scope((), ("bbb",))])
async def test_its_own_is_not_and_the_run_says_what_it_concerns(
    stage: Stage, command: str, scope: Scope
) -> None:
    worker = Worker(stage, scope)
    await COMMANDS[command](worker)
    assert Concerns("bbb/bus", "bus") in worker.events


async def test_removing_all_that_require_it_reaches_no_foreign_one(stage: Stage) -> None:
    await stage.run(stage.request("app"))
    stage.cluster.requests.clear()
    with pytest.raises(Refused, match="aaa/app is an installation of app, which is not allowed"):
        await Worker(stage, Scope(("bus",))).remove()
    assert stage.writes() == []


async def test_a_requirement_is_installed_only_if_it_is_allowed_too(tmp_path: Path) -> None:
    stage = Stage.of(tmp_path, SKILLS)
    worker = Worker(stage, Scope(("app",)))
    wanted = [stage.request("app")]
    with pytest.raises(Refused, match="bbb/bus is an installation of bus"):
        await run_requests(wanted, worker.world, stage.library, worker.on, Options())
    assert stage.writes() == []


async def test_a_requirement_that_is_there_is_used_as_it_is(stage: Stage) -> None:
    worker = Worker(stage, Scope(("app",)))
    wanted = [stage.request("app")]
    outcome = await run_requests(wanted, worker.world, stage.library, worker.on, Options())
    assert outcome.status == "ready"
    elsewhere = Worker(stage, Scope((), ("aaa",)))
    with pytest.raises(Refused, match="bbb/bus is in namespace bbb"):
        await run_requests(wanted, elsewhere.world, stage.library, elsewhere.on, Options())


async def test_an_unknown_name_tells_nothing_of_foreign_ones(stage: Stage) -> None:
    with pytest.raises(UsageError) as raised:
        await request.find_record(Worker(stage, Scope(("app",))).world, "nothing", None)
    assert "bus" not in raised.value.hint


async def test_looking_at_everything_is_refused_where_something_is_foreign(stage: Stage) -> None:
    by_skill, by_namespace = Worker(stage, Scope(("bus",))), Worker(stage, Scope((), ("bbb",)))
    for worker in (by_skill, by_namespace):
        with pytest.raises(Refused, match="everything in the cluster"):
            await why_all(worker.world, worker.on, stage.library)
        with pytest.raises(Refused, match="not allowed here"):
            await why_namespace(worker.world, worker.on, "aaa")
        with pytest.raises(Refused, match="not allowed here"):
            await why_release(worker.world, worker.on, "bus", "aaa")
    with pytest.raises(Refused, match="everything in bbb"):
        await why_namespace(by_skill.world, by_skill.on, "bbb")


def test_a_scope_is_handed_on_as_text() -> None:
    scope = Scope(("a", "b"), ("c",))
    assert Scope.here({VARIABLE: str(scope)}) == scope
    assert Scope.here({}) == OPEN
    for broken in ("x", "[]", "{}", '{"skills": null, "namespaces": []}'):
        with pytest.raises(UsageError, match="is not a scope"):
            Scope.here({VARIABLE: broken})
