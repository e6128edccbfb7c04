"""A settled set of installations into plans, each with the outputs of those that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from skill_runner.actions.request import (
    ImageMode,
    Request,
    choose_images,
    refuse_delivered,
)
from skill_runner.actions.requirements.resolve import Draft, settle
from skill_runner.backends.world import World
from skill_runner.errors import PreflightFailed, Refused
from skill_runner.execution import preflight
from skill_runner.installations import namespaces, store
from skill_runner.installations.record import Record
from skill_runner.installations.records import Records
from skill_runner.objects import Object
from skill_runner.outcome import Problem, from_error
from skill_runner.plan import Installation, Plan, PlannedApply, make_plan
from skill_runner.skill.library import Library
from skill_runner.skill.model import Skill


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One installation of the graph. Without a plan it is used as it is: its record says enough.

    `needed` are the inputs that dependents ask for beyond what stands; `asked` says that the
    caller named it.
    """

    installation: Installation
    skill: Skill
    old: Record | None
    plan: Plan | None
    edges: Mapping[str, Installation] = field(default_factory=dict)
    needed: Mapping[str, Any] = field(default_factory=dict)
    asked: bool

    @property
    def outputs(self) -> Mapping[str, Any]:
        if self.plan is not None:
            return self.plan.outputs
        return self.old.outputs if self.old else {}

    @property
    def version(self) -> str:
        """The version of the skill that made it, or will."""
        return self.skill.version if self.plan or not self.old else self.old.version


@dataclass(frozen=True, slots=True)
class Graph:
    """Every installation after those that it needs."""

    nodes: tuple[Node, ...]

    def __getitem__(self, installation: Installation) -> Node:
        return next(node for node in self.nodes if node.installation == installation)

    @property
    def asked(self) -> tuple[Node, ...]:
        """Those that the caller named."""
        return tuple(node for node in self.nodes if node.asked)

    def needs(self) -> dict[Installation, tuple[Installation, ...]]:
        """For each that will be run, those that it waits for: what is used as it is, is there."""
        planned = {node.installation for node in self.nodes if node.plan}
        return {
            node.installation: tuple(e for e in node.edges.values() if e in planned)
            for node in self.nodes
            if node.plan
        }


async def prepare(requests: Sequence[Request], world: World, library: Library) -> Graph:
    """The whole graph, read and planned; nothing is touched."""
    drafts = await settle(requests, library, Records(world.cluster))
    for draft in drafts:
        if draft.satisfied:  # it is used as it is: nothing of it is run or changed
            world.scope.check_namespace(draft.installation.namespace, str(draft.installation))
        else:
            world.admit(draft.installation, draft.skill.name)
    nodes: dict[Installation, Node] = {}
    images = requests[0].images if requests else "auto"
    for draft in drafts:
        nodes[draft.installation] = await _node(draft, nodes, world, images)
    return Graph(tuple(nodes.values()))


async def _node(
    draft: Draft, done: Mapping[Installation, Node], world: World, images: ImageMode
) -> Node:
    asked = draft.request is not None
    plan = None
    if not draft.satisfied:
        refuse_delivered(draft.old)
        request = draft.request or Request(
            skill=draft.skill,
            name=draft.installation.name,
            namespace=draft.installation.namespace,
            images=images,
        )
        chosen = await choose_images(request, draft.installation, draft.inputs, world, draft.old)
        outputs = {alias: done[target].outputs for alias, target in draft.edges.items()}
        edges = {alias: str(target) for alias, target in draft.edges.items()}
        key = store.key_for(draft.old, draft.skill)
        plan = make_plan(draft.skill, draft.installation, draft.inputs, chosen, outputs, edges, key)
        plan = replace(plan, allow_kinds=request.allow_kinds)
    return Node(
        installation=draft.installation,
        skill=draft.skill,
        old=draft.old,
        plan=plan,
        edges=draft.edges,
        needed=draft.needed,
        asked=asked,
    )


def refuse_changes(graph: Graph) -> None:
    """Refused when an installation that exists would become another than its record says."""
    for node in graph.nodes:
        if node.plan and node.old and node.old.plan_digest != node.plan.digest:
            raise Refused(
                f"{node.installation} exists, this would change it, and changes are not allowed",
                hint="Leave out --no-change, or install another one with --name.",
            )


async def check(
    graph: Graph, world: World, *, adopt: bool = False, create_namespaces: bool = False
) -> dict[Installation, tuple[Object, ...]]:
    """Preflight of all before the first change of any; PreflightFailed with everything found.

    `adopt` is for those that the caller named. A namespace that a plan only names, for a client's
    copy of a Secret, must be there or be one of the graph's, unless `create_namespaces`.
    """
    made: dict[Installation, tuple[Object, ...]] = {}
    failed: list[tuple[Node, PreflightFailed]] = []
    for node in graph.nodes:
        if node.plan is None:
            continue
        try:
            made[node.installation] = await preflight.check(
                node.plan, world, node.old, adopt=adopt and node.asked
            )
        except PreflightFailed as error:
            failed.append((node, error))
    coming = {node.installation.namespace for node in graph.nodes}
    for node in graph.nodes:
        if node.plan and node.asked and not create_namespaces:
            await namespaces.check_named(world.cluster, _named_by(node.plan) - coming)
    if failed:
        raise _all_of(failed, alone=len(made) + len(failed) == 1)
    new = [node for node in graph.nodes if node.plan and node.old is None]
    await preflight.check_room(
        world.cluster, {str(node.installation): made[node.installation] for node in new}
    )
    return made


def _named_by(plan: Plan) -> set[str]:
    """The namespaces that what a plan applies is in; not one that the plan itself makes."""
    applied = [m for step in plan.steps if isinstance(step, PlannedApply) for m in step.manifests]
    made = {m["metadata"]["name"] for m in applied if m["kind"] == "Namespace"}
    return {
        str(m["metadata"]["namespace"]) for m in applied if m["metadata"].get("namespace")
    } - made


def _all_of(failed: Sequence[tuple[Node, PreflightFailed]], *, alone: bool) -> PreflightFailed:
    """One error that names the first, with the others as evidence."""
    node, first = failed[0]
    if alone:
        return first
    problem: Problem = first.problem
    others = tuple(f"{n.installation}: {from_error.cause_of(e)}" for n, e in failed[1:])
    cause = f"{node.installation}: {problem.cause}"
    merged = Problem(
        code=problem.code,
        resource=problem.resource,
        cause=cause,
        evidence=(*others, *problem.evidence),
        next=problem.next,
    )
    lines = "".join(f"\n  {line}" for line in merged.evidence)
    return PreflightFailed(f"{cause}{lines}", hint=first.hint, problem=merged)
