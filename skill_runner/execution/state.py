"""The state of one run: the only mutable value, and it lives no longer than the run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from skill_runner.backends.world import World
from skill_runner.execution import wall
from skill_runner.hooks.context import Context
from skill_runner.installations import store
from skill_runner.installations.namespaces import ensure_namespace, ignore
from skill_runner.installations.record import Record
from skill_runner.plan import Plan
from skill_runner.progress import Changing, Event, Note, StepResult, StepStatus
from skill_runner.readiness.wait import DEFAULT_POLICY, FailurePolicy, Suspect, WaitResult
from skill_runner.runs.folder import Run

Window = asyncio.Future[WaitResult]

Done = tuple[StepStatus, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a run. `stability` in seconds; None takes the skill's.

    With `no_change` an installation that exists is not changed: what is missing is made, what is
    unfinished is finished, and what stands may only be put back. With `adopt` what others own under
    the names of this plan becomes ours; without it, it is left alone and the run refused.
    """

    prove: bool = False
    redeploy: bool = False
    drills: bool = False
    stability: float | None = None
    no_change: bool = False
    adopt: bool = False
    create_namespaces: bool = False


@dataclass(slots=True, kw_only=True)
class Walk:
    """The state of one run: the only mutable value, and it lives no longer than the run."""

    plan: Plan
    world: World
    run: Run
    record: Record
    options: Options
    check_lock: Callable[[], None]
    expect_gone: Callable[[bool], None] = ignore
    results: list[StepResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    proof: dict[str, str] = field(default_factory=dict)
    said: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # by hooks, of their proofs
    suspects: tuple[Suspect, ...] = ()
    windows: list[Window] = field(default_factory=list)
    changed: bool = False
    written: Record | None = None

    @classmethod
    def that_reads(cls, plan: Plan, world: World, run: Run, record: Record) -> Walk:
        """The state of a look at an installation: no lock is held, and none is needed."""
        return cls(
            plan=plan,
            world=world,
            run=run,
            record=record,
            options=Options(),
            check_lock=lambda: None,
        )

    def policy(self) -> FailurePolicy:
        return DEFAULT_POLICY.override(self.plan.skill.failure_policy)

    def report(self, event: Event) -> None:
        self.world.report(event)

    def context(self) -> Context:
        return Context.of(
            self.plan,
            cluster=wall.cluster_of(self.plan, self.world),
            helm=wall.helm_of(self.plan, self.world),
            clock=self.world.clock,
            report=self.report,
            folder=self.run.folder,
        )


async def begin_change(walk: Walk) -> None:
    """Before a step's first write: the lock is ours, and the record says what is intended.

    A run that fails in the middle leaves nothing that a removal would not find.
    """
    walk.check_lock()
    if not walk.changed:
        walk.changed = True
        walk.report(Changing(str(walk.plan.installation)))
    intended = replace(walk.record, complete=False)
    if walk.written != intended:
        await store.write(walk.world.cluster, intended)
        walk.written = intended


def stability_of(walk: Walk) -> float:
    """Seconds without a restart or a flap; what follows the step goes on meanwhile."""
    asked = walk.options.stability
    return walk.plan.skill.stability if asked is None else asked


async def ensure_space(walk: Walk, name: str) -> None:
    space = await ensure_namespace(walk.world.cluster, name)
    walk.record = walk.record.remembering(space.uids)
    if space.created:
        walk.report(Note(f"namespace {name} did not exist and is being created"))
