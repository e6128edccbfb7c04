"""Run a graph: every plan in a task of its own, as soon as what it requires is ready."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace

from skill_runner.actions import request
from skill_runner.actions.graph import Graph, Node
from skill_runner.actions.requirements.dag import Work, walk
from skill_runner.backends.world import World
from skill_runner.errors import SkillError
from skill_runner.execution.state import Options
from skill_runner.outcome import Outcome, from_error
from skill_runner.plan import Installation
from skill_runner.progress import Event, Note, Of, Report, Standing
from skill_runner.runs.folder import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The result of one node; `began` and `ended` in seconds of the clock.

    Without an outcome it never began: it was `blocked` by what it requires.
    """

    outcome: Outcome | None
    began: float
    ended: float
    blocked_by: tuple[Installation, ...] = ()

    @property
    def good(self) -> bool:
        return self.outcome is not None and self.outcome.status in ("ready", "unchanged")


async def run_all(
    graph: Graph, world: World, run: Run, options: Options
) -> dict[Installation, Done]:
    """Run every node that has a plan, and return what became of each. Only a bug raises."""
    several = len(graph.needs()) > 1
    clock = world.clock
    queue = _Queue({node: list(needs) for node, needs in graph.needs().items()}, world.report)
    queue.tell(graph.needs())

    async def do(installation: Installation) -> Done:
        node = graph[installation]
        began = clock.monotonic()
        tell = functools.partial(_tell, world.report, str(installation))
        own = replace(world, report=tell) if several else world
        its_run = sub_run(run, installation) if several else run
        outcome = await _run(node, own, its_run, options if node.asked else _plain(options))
        done = Done(outcome=outcome, began=began, ended=clock.monotonic())
        if several:
            words = f"{outcome.status.replace('_', ' ')} ({done.ended - began:.1f} s)"
            own.report(Standing(words))
            queue.over(installation)
        return done

    def blocked(installation: Installation, by: tuple[Installation, ...]) -> Done:
        world.report(Note(f"{installation} is blocked by {', '.join(map(str, by))}"))
        now = clock.monotonic()
        return Done(outcome=None, began=now, ended=now, blocked_by=by)

    return await walk(graph.needs(), Work(do=do, good=lambda done: done.good, blocked=blocked))


@dataclass(slots=True)
class _Queue:
    """For each installation, those that it still waits for, told whenever they are others."""

    waits: dict[Installation, list[Installation]]
    report: Report

    def tell(self, some: Iterable[Installation]) -> None:
        for each in some:
            if self.waits[each]:
                words = f"waits for {', '.join(map(str, self.waits[each]))}"
                self.report(Of(str(each), Standing(words)))

    def over(self, done: Installation) -> None:
        """One of them is at its end."""
        concerned = [each for each, needs in self.waits.items() if done in needs]
        for each in concerned:
            self.waits[each].remove(done)
        self.tell(concerned)


def sub_run(run: Run, installation: Installation) -> Run:
    """The part of a run's folder for one of its installations."""
    folder = run.folder / f"{installation.namespace}.{installation.name}"
    folder.mkdir(exist_ok=True)
    return Run(run.id, folder, run.redactor)


async def _run(node: Node, world: World, run: Run, options: Options) -> Outcome:
    assert node.plan is not None
    try:
        return await request.run_prepared(node.plan, world, run, options, asked=node.asked)
    except SkillError as error:  # of its lock or its namespace: siblings go on
        return from_error.outcome_of(error, installation=str(node.installation), run=run.id)


def _plain(options: Options) -> Options:
    """For what is only required: no new proof, deployment or drill that nobody asked for."""
    return Options(stability=options.stability)


def _tell(report: Report, installation: str, event: Event) -> None:
    report(Of(installation, event))
