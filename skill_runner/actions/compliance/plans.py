"""Hold plans to a rule set, before anything is touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from skill_runner.actions.graph import Graph, Node
from skill_runner.compliance.governance import Allowance, Governance
from skill_runner.compliance.judge import judge
from skill_runner.compliance.model import MARK, Installed, Kind, Scene, kind_of
from skill_runner.errors import PreflightFailed
from skill_runner.objects import Object
from skill_runner.outcome import Problem
from skill_runner.plan import Installation, PlannedRelease
from skill_runner.policy.exceptions import PolicyException


def hold(
    graph: Graph,
    made: Mapping[Installation, tuple[Object, ...]],
    governance: Governance,
    *,
    now: float,
) -> tuple[str, ...]:
    """Judge what the plans of a graph would make, all together. The warnings are returned.

    PreflightFailed with every rule that it would break; rules about what runs are not asked.
    """
    by_kind: dict[Kind, list[Object]] = defaultdict(list)
    for installation, manifests in made.items():
        for manifest in manifests:
            meta = manifest.get("metadata") or {}  # a rendered chart carries no mark
            notes = {**(meta.get("annotations") or {}), MARK: str(installation)}
            marked = {**manifest, "metadata": {**meta, "annotations": notes}}
            by_kind[kind_of(manifest)].append(marked)
    scene = Scene(
        objects={kind: tuple(found) for kind, found in by_kind.items()},
        installed=tuple(_installed(node) for node in graph.nodes),
        now=now,
        planned=True,
    )
    granted = [each for node in graph.nodes for each in granted_by(node)]
    verdict = judge(governance, scene, granted)
    lines: dict[str, list[str]] = {"error": [], "warning": []}
    remedies = []
    for answer in verdict.answers:
        if weight := answer.counts:
            certain = [each for each in answer.evidence if each.certain]
            lines[weight] += [f"{e.resource}: {e.message} ({answer.rule})" for e in certain]
            if weight == "error":
                remedies.append((certain[0].resource, answer.remedy))
    if not lines["error"]:
        return tuple(lines["warning"])
    count = len(lines["error"])
    broken = "1 object breaks" if count == 1 else f"{count} objects break"
    raise _refused(f"{broken} the rules of {governance.name}", lines["error"], *remedies[0])


def _refused(cause: str, lines: Iterable[str], resource: str, fix: str) -> PreflightFailed:
    evidence = tuple(lines)
    problem = Problem(
        code="POLICY_VIOLATION", resource=resource, cause=cause, evidence=evidence, fix=fix
    )
    details = "".join(f"\n  {line}" for line in evidence)
    return PreflightFailed(f"{cause}{details}", hint=fix, problem=problem)


def _installed(node: Node) -> Installed:
    plan, old = node.plan, node.old
    inputs = plan.inputs if plan else old.inputs if old else {}
    secret = {each.name for each in node.skill.inputs.values() if each.secret}
    steps = plan.steps if plan else ()
    return Installed(
        namespace=node.installation.namespace,
        name=node.installation.name,
        skill=node.skill.name,
        inputs={name: value for name, value in inputs.items() if name not in secret},
        releases=frozenset(
            (step.namespace, step.release) for step in steps if isinstance(step, PlannedRelease)
        ),
        here=plan is not None,
    )


def granted_by(node: Node) -> Iterator[tuple[str, Allowance]]:
    """The exceptions from the policy that a node's skill declares."""
    yield from granted(node.skill.policy_exceptions, node.installation.namespace, node.skill.name)


def granted(
    exceptions: Iterable[PolicyException], namespace: str, skill: str
) -> Iterator[tuple[str, Allowance]]:
    """A skill's exceptions from the policy, for an installation in this namespace."""
    for each in exceptions:
        kind, _, rest = each.resource.partition(" ")
        place = rest if "/" in rest.partition(" ")[0] else f"{namespace}/{rest}"
        reason = f"{skill}: {each.reason}"
        yield each.rule, Allowance(resource=f"{kind} {place}", reason=reason)
