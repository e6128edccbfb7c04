"""Skills that require skills: settled before the first change, then run as a graph.

requests ─settle─▶ who needs whom ─prepare─▶ plans ─check─▶ preflight of all ─run_all─▶ outcome
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skill_runner.actions import adoption, graph_outcome
from skill_runner.actions.compliance.plans import hold
from skill_runner.actions.graph import Graph, Node, check, prepare, refuse_changes
from skill_runner.actions.request import Request, planned, secrets_of
from skill_runner.actions.walk import Done, run_all
from skill_runner.backends.world import World
from skill_runner.compliance.governance import Governance
from skill_runner.execution.state import Options
from skill_runner.outcome import Outcome
from skill_runner.plan import Installation
from skill_runner.plan.inputs import secret_values
from skill_runner.progress import Note, Requires
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library

__all__ = ["Graph", "Node", "bring", "plan", "prepare", "run"]


async def run(
    requests: Sequence[Request],
    world: World,
    library: Library,
    run_: Run,
    options: Options,
    governance: Governance | None = None,
) -> Outcome:
    """Make everything that is asked for ready, and what that requires. Errors before the first
    change are raised as they are; a rule set that the plans would break is one of them."""
    graph, done = await bring(requests, world, library, run_, options, governance)
    return graph_outcome.outcome(graph, done, world)


async def bring(
    requests: Sequence[Request],
    world: World,
    library: Library,
    run_: Run,
    options: Options,
    governance: Governance | None = None,
) -> tuple[Graph, Mapping[Installation, Done]]:
    """The graph of what is asked for, and what became of each of its installations."""
    for request in requests:
        run_.redactor.add(secrets_of(request))
    graph = await prepare(requests, world, library)
    for node in graph.nodes:
        run_.redactor.add(secret_values(node.skill, node.plan.inputs if node.plan else {}))
    if len(graph.nodes) > 1:
        for node in graph.nodes:
            requires = tuple(map(str, node.edges.values()))
            world.report(Requires(str(node.installation), requires))
    if options.no_change:
        refuse_changes(graph)
    made = await check(
        graph, world, adopt=options.adopt, create_namespaces=options.create_namespaces
    )
    if governance is not None:
        for warning in hold(graph, made, governance, now=world.clock.now()):
            world.report(Note(warning))
    return graph, await run_all(graph, world, run_, options)


async def plan(
    requests: Sequence[Request],
    world: World,
    library: Library,
    *,
    adopt: bool = False,
    governance: Governance | None = None,
) -> Outcome:
    """Plan what `run` would do, with everything that preflight can check; nothing is touched."""
    graph = await prepare(requests, world, library)
    made = await check(graph, world, adopt=adopt)
    warned = hold(graph, made, governance, now=world.clock.now()) if governance else ()
    asked = graph.asked
    root = None
    if len(asked) == 1 and asked[0].plan is not None:
        objects = len(made[asked[0].installation])
        root = await planned(asked[0].plan, asked[0].old, world, objects)
    taken: list[str] = []
    for node in asked if adopt else ():
        if node.plan is not None:
            taken += await adoption.preview(node.plan, world, made[node.installation], node.old)
    return graph_outcome.planned(graph, root, world, notes=[*warned, *taken])
