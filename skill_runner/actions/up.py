"""Bring a platform up, or look at it: its installations first, then its own proofs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from skill_runner.actions import graph_outcome, verify
from skill_runner.actions.graph import Node
from skill_runner.actions.platform import Platform
from skill_runner.actions.proving import Plans, Proving, prove
from skill_runner.actions.request import Request
from skill_runner.actions.run import bring
from skill_runner.actions.walk import sub_run
from skill_runner.backends.world import World, cluster_of
from skill_runner.compliance.governance import Governance
from skill_runner.errors import SkillError
from skill_runner.execution.state import Options
from skill_runner.installations import store
from skill_runner.installations.record import Record
from skill_runner.outcome import Outcome, SkillResult, from_error
from skill_runner.plan import Installation, Plan
from skill_runner.progress import Of
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library
from skill_runner.skill.model import ProofKind


async def up(
    platform: Platform,
    requests: Sequence[Request],
    world: World,
    library: Library,
    run: Run,
    options: Options,
    governance: Governance | None = None,
) -> Outcome:
    """Make every installation of a platform ready, then prove the platform.

    Its own proofs run also where nothing changed; drills alone are for those who ask for them, and
    they are the platform's, not those of its skills.
    """
    graph, done = await bring(
        requests, world, library, run, replace(options, drills=False), governance
    )
    outcome = graph_outcome.outcome(graph, done, world)
    if not platform.proofs:
        return outcome
    plans: Plans = {}
    if not outcome.exit_code:
        plans = {node.installation: await _plan(node, world, library) for node in graph.nodes}
    kinds: tuple[ProofKind, ...] = ("observe", "probe")
    if options.drills:
        kinds = (*kinds, "drill")
    proving = Proving(platform=platform, plans=plans, world=world, run=run, library=library)
    return await prove(proving, outcome, kinds)


async def _plan(node: Node, world: World, library: Library) -> Plan:
    if node.plan is not None:
        return node.plan
    assert node.old is not None
    return verify.plan_of(node.old, library, await verify.outputs_of(world, node.old))


async def verify_platform(
    platform: Platform,
    world: World,
    run: Run,
    library: Library,
    *,
    observe: bool,
    timeout: float,
) -> Outcome:
    """Look at every installation of a platform, all at once, then run the platform's proofs."""
    names = [Installation(each.namespace or "default", each.name) for each in platform.wanted]
    began = world.clock.monotonic()

    async def look(name: Installation) -> Outcome:
        own = replace(world, report=lambda event: world.report(Of(str(name), event)))
        try:
            return await verify.verify(
                own,
                sub_run(run, name),
                library,
                name.name,
                name.namespace,
                observe=observe,
                timeout=timeout,
            )
        except SkillError as error:
            return from_error.outcome_of(error, installation=str(name))

    seen = await asyncio.gather(*(look(name) for name in names))
    outcome = _together(platform, names, seen)
    outcome = replace(outcome, cluster=cluster_of(world), seconds=world.clock.monotonic() - began)
    plans = {} if outcome.exit_code else await _plans(names, world, library)
    proving = Proving(platform=platform, plans=plans, world=world, run=run, library=library)
    kinds: tuple[ProofKind, ...] = ("observe",) if observe else ("observe", "probe")
    return await prove(proving, outcome, kinds)


def _together(
    platform: Platform, names: Sequence[Installation], seen: Sequence[Outcome]
) -> Outcome:
    """One outcome of those of the installations: the first that is not ready decides."""
    bad = next((each for each in seen if each.exit_code), None)
    lines = tuple(
        _line(name, each, wanted.skill.name)
        for name, each, wanted in zip(names, seen, platform.wanted, strict=True)
    )
    if bad is None:
        return Outcome(status="ready", skills=lines)
    return Outcome(status=bad.status, exit_code=bad.exit_code, problem=bad.problem, skills=lines)


async def _plans(names: Sequence[Installation], world: World, library: Library) -> Plans:
    """The plans of installations and of all that these require, by their records."""
    plans: dict[Installation, Plan] = {}
    left = list(names)
    while left:
        name = left.pop()
        record = None if name in plans else await store.read_closed(world.cluster, name)
        if isinstance(record, Record):
            outputs = await verify.outputs_of(world, record)
            plans[name] = verify.plan_of(record, library, outputs)
            left += [Installation.parse(each) for each in record.requires.values()]
    return plans


def _line(name: Installation, seen: Outcome, skill: str) -> SkillResult:
    words = f"{seen.problem.code}: {seen.problem.cause}" if seen.problem else ""
    return SkillResult(
        installation=str(name),
        skill=skill,
        version=seen.version,
        status=seen.status,
        seconds=seen.seconds,
        message=words,
    )
