"""The outcome of a graph: a line a skill, the critical path, the one problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from skill_runner.actions.graph import Graph, Node
from skill_runner.actions.walk import Done
from skill_runner.backends.world import World, cluster_of
from skill_runner.outcome import Outcome, SkillResult, SkillStatus
from skill_runner.plan import Installation
from skill_runner.progress import StepResult
from skill_runner.skill.schema import shown


def outcome(graph: Graph, done: Mapping[Installation, Done], world: World) -> Outcome:
    """The document of a run: of the one installation that was asked for, or of a platform.

    The problem, the status and the exit code are those of the first that failed.
    """
    failed = [d.outcome for d in done.values() if d.outcome is not None and not d.good]
    asked = graph.asked
    if len(graph.nodes) == 1:
        return done[asked[0].installation].outcome or Outcome(status="error")
    changed = any(d.outcome is not None and d.outcome.changed for d in done.values())
    base = _of_one(asked[0], done) if len(asked) == 1 else Outcome(status="unchanged")
    first: Outcome | None = failed[0] if failed else None
    base = replace(
        base,
        status=first.status if first else ("ready" if changed else "unchanged"),
        exit_code=first.exit_code if first else 0,
        problem=first.problem if first else None,
        changed=changed,
        cluster=cluster_of(world),
        skills=lines(graph, done),
        critical_path=tuple(map(str, critical_path(graph, done))),
        notes=(*base.notes, *(first.notes if first and first is not base else ())),
    )
    every = done.values()
    seconds = max(d.ended for d in every) - min(d.began for d in every) if every else 0.0
    return replace(base, seconds=seconds)


def _of_one(node: Node, done: Mapping[Installation, Done]) -> Outcome:
    """The outcome of the installation that was asked for; its steps are `not run` if blocked."""
    found = done[node.installation]
    if found.outcome is not None:
        return found.outcome
    steps = node.plan.steps if node.plan else ()
    return Outcome(
        status="failed",
        installation=str(node.installation),
        version=node.version,
        steps=tuple(StepResult(id=step.id, status="not run") for step in steps),
        proof={proof.id: "not run" for proof in (node.plan.proofs if node.plan else ())},
    )


def lines(graph: Graph, done: Mapping[Installation, Done]) -> tuple[SkillResult, ...]:
    """One line for each installation, requirements first."""
    return tuple(_line(node, done.get(node.installation)) for node in graph.nodes)


def _line(node: Node, done: Done | None) -> SkillResult:
    status: SkillStatus = "used"
    seconds, message = 0.0, ""
    if done is not None:
        seconds = done.ended - done.began
        status = "blocked" if done.outcome is None else done.outcome.status
        if done.outcome is None:
            message = f"by {', '.join(map(str, done.blocked_by))}"
        elif done.outcome.problem and not done.good:
            message = f"{done.outcome.problem.code}: {done.outcome.problem.cause}"
    elif node.plan is None:
        message = newer(node)
    return SkillResult(
        installation=str(node.installation),
        skill=node.skill.name,
        version=node.version,
        status=status,
        seconds=seconds,
        message=message,
    )


def newer(node: Node) -> str:
    """Say what to know of an installation that is used as it is, although the skill is another."""
    if node.version == node.skill.version:
        return ""
    return f"made by version {node.version}; `skill run` brings {node.skill.version}"


def critical_path(graph: Graph, done: Mapping[Installation, Done]) -> Sequence[Installation]:
    """The chain whose members each began when the one before ended, up to the last to end."""
    if not done:
        return ()
    needs = graph.needs()
    order = {each: position for position, each in enumerate(needs)}

    def last(some: Iterable[Installation]) -> Installation:
        return max(some, key=lambda each: (done[each].ended, order[each]))

    path = [last(done)]
    while needs[path[0]]:
        path.insert(0, last(needs[path[0]]))
    return path


def planned(
    graph: Graph, root: Outcome | None, world: World, *, notes: Sequence[str] = ()
) -> Outcome:
    """The document of a plan: the asked installation's steps, and a line a skill."""
    base = root or Outcome(status="planned", cluster=cluster_of(world))
    base = replace(base, notes=(*base.notes, *notes))
    if len(graph.nodes) == 1:
        return base
    return replace(base, skills=tuple(_planned_line(node) for node in graph.nodes))


def _planned_line(node: Node) -> SkillResult:
    requires = tuple(f"{alias}={target}" for alias, target in node.edges.items())
    if node.plan is None:
        status: SkillStatus = "used"
        message = newer(node)
    else:
        status, message = "planned", _intent(node)
    return SkillResult(
        installation=str(node.installation),
        skill=node.skill.name,
        version=node.version,
        status=status,
        message=message,
        requires=requires,
    )


def _intent(node: Node) -> str:
    what = (
        "is checked, and proven again if it changes" if node.asked else "continues where it stopped"
    )
    if node.old is None:
        what = "installs"
    elif node.needed:
        what = "changes"
    given: Mapping[str, Any] = node.needed
    return what + "".join(f", {name}={shown(value)}" for name, value in given.items())
