"""Everything that can be known before the first change; nothing is touched, no lock is taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from skill_runner import policy
from skill_runner.backends.base import Cluster, ReleaseSpec
from skill_runner.backends.world import World
from skill_runner.errors import (
    ChartError,
    Forbidden,
    HookFailed,
    NotFound,
    PreflightFailed,
)
from skill_runner.execution import permissions, storage, strangers, wall
from skill_runner.execution.storage import if_allowed
from skill_runner.hooks.call import call_hook
from skill_runner.hooks.context import Context
from skill_runner.installations import releases
from skill_runner.installations.record import Record
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Code, Problem
from skill_runner.outcome.fix import fix_of
from skill_runner.plan import Plan, PlannedApply, PlannedRelease
from skill_runner.quantity import parse_quantity
from skill_runner.readiness.diagnosis.growth import may_grow


async def check(
    plan: Plan, world: World, old: Record | None = None, *, adopt: bool = False
) -> tuple[Object, ...]:
    """The manifests that the plan makes; PreflightFailed (exit 3) with the first problem found.

    Forbidden (exit 4) names every permission that the user lacks. `old` is the record of what is
    there; `adopt` lets the plan take over what others own under its names.
    """
    try:
        manifests = await render_manifests(plan, world)
    except PreflightFailed:
        await _ask_the_skill(plan, world)  # what it refuses needs no chart that cannot be had
        raise
    wall.check(plan, manifests)
    check_policy(plan, manifests)
    await _check_namespace(plan, world.cluster)
    await permissions.check(plan, world.cluster, manifests)
    if found := await storage.unbindable(world.cluster, manifests):
        have = f"classes: {', '.join(found.classes) or 'none'}"
        raise _refused("VOLUME_UNBOUND", found.owner, found.why, [have])
    await _check_capacity(world.cluster, manifests)
    await _ask_the_skill(plan, world)
    await strangers.check(plan, world, manifests, old, adopt=adopt)
    return manifests


async def _ask_the_skill(plan: Plan, world: World) -> None:
    """The skill's own checks, which only read."""
    given = Context.of(
        plan,
        cluster=wall.cluster_of(plan, world),
        helm=wall.helm_of(plan, world),
        clock=world.clock,
        report=world.report,
    )
    for check_ in plan.checks:
        if check_.refuse:
            refused = _refused("CHECK_FAILED", str(plan.installation), check_.refuse)
            raise PreflightFailed(refused.message, hint=check_.hint, problem=refused.problem)
        try:
            await call_hook(plan.skill, check_.hook, given, timeout=check_.timeout)
        except HookFailed as error:
            first, *more = error.said.splitlines()
            lines = [*more, *error.listed]
            refused = _refused("CHECK_FAILED", str(plan.installation), first, lines)
            named = error.problem or refused.problem  # a hook that knows its code says it
            raise PreflightFailed(refused.message, hint=error.hint, problem=named) from error


async def render_manifests(plan: Plan, world: World) -> tuple[Object, ...]:
    """Everything that the plan's steps would apply, charts rendered by Helm."""
    made: list[Object] = []
    for step in plan.steps:
        if isinstance(step, PlannedRelease):
            spec = releases.release_spec(step, plan.installation, "preflight")
            rendered = await _rendered(world, spec, plan.skill.problems.get("CHART_ERROR", ""))
            made += [_placed(m, step.namespace) for m in rendered]
        elif isinstance(step, PlannedApply):
            made += [_placed(m, plan.installation.namespace) for m in step.manifests]
    return tuple(made)


async def _rendered(world: World, spec: ReleaseSpec, advice: str) -> Sequence[Object]:
    """Let Helm render a chart; `advice` is the skill's own for one that it cannot."""
    try:
        return await world.helm.template(spec)
    except ChartError as error:
        cause, *lines = error.message.splitlines()
        raise _refused(
            "CHART_ERROR",
            f"chart {spec.chart}",
            cause,
            lines[:8],
            fix=" ".join(filter(None, (error.hint, advice))),
        ) from error


def _placed(manifest: Object, namespace: str) -> Object:
    meta = manifest.get("metadata") or {}
    return {**manifest, "metadata": {"namespace": namespace, **meta}}


def check_policy(plan: Plan, manifests: Sequence[Object]) -> None:
    """Limits, probes, namespaces and images; every violation at once."""
    violations = policy.check(
        manifests,
        exceptions=plan.skill.policy_exceptions,
        default_namespace=plan.installation.namespace,
    )
    if not violations:
        return
    lines = tuple(f"{v.resource}: {v.message} ({v.rule})" for v in violations)
    raise _refused(
        "POLICY_VIOLATION",
        violations[0].resource,
        f"{len(violations)} policy violations in what {plan.skill.name} renders",
        lines,
        violations[0].remedy,
    )


def _refused(
    code: Code, resource: str, cause: str, evidence: Iterable[str] = (), fix: str = ""
) -> PreflightFailed:
    problem = Problem(
        code=code,
        resource=resource,
        cause=cause,
        evidence=tuple(evidence),
        fix=fix or fix_of(code),
        retryable=code == "NAMESPACE_TERMINATING",
    )
    details = "".join(f"\n  {line}" for line in problem.evidence)
    return PreflightFailed(f"{cause}{details}", problem=problem)


async def _check_namespace(plan: Plan, cluster: Cluster) -> None:
    name = plan.installation.namespace
    try:
        found = await cluster.get(Ref("v1", "Namespace", name))
    except (NotFound, Forbidden):  # whoever owns one namespace alone may not look at it
        return
    if (found.get("status") or {}).get("phase") == "Terminating":
        held = [
            c.get("message", "")
            for c in (found.get("status") or {}).get("conditions") or ()
            if c.get("status") == "True"
        ]
        raise _refused(
            "NAMESPACE_TERMINATING",
            f"Namespace {name}",
            f"namespace {name} is being deleted",
            held,
            "Run again when it is gone.",
        )


async def _check_capacity(cluster: Cluster, manifests: Sequence[Object]) -> None:
    """Each pod must fit some node when that is empty; what is free is the scheduler's to say."""
    nodes = await if_allowed(cluster, "v1", "Node")
    for manifest in manifests:
        pod = _pod_spec(manifest)
        if pod is None:
            continue
        wanted = {r: _requested(pod, r) for r in ("cpu", "memory")}
        if nodes and not may_grow(nodes) and not any(_fits(node, wanted) for node in nodes):
            largest = {
                r: max(nodes, key=lambda n: parse_quantity(_allocatable(n).get(r, "0")))
                for r in wanted
            }
            raise _refused(
                "CAPACITY",
                str(Ref.of(manifest)),
                f"no node can hold a pod of {Ref.of(manifest)}",
                [
                    f"{r}: the pod requests {_text(r, wanted[r])}, the largest node offers"
                    f" {_allocatable(largest[r]).get(r, '0')}"
                    for r in wanted
                    if wanted[r]
                ],
            )


async def check_room(cluster: Cluster, made: Mapping[str, Sequence[Object]]) -> None:
    """All new pods together must fit what no pod of the cluster has requested yet.

    `made` are the manifests of new installations, by name: the pods of others are there already.
    """
    wanted = {
        name: {r: sum(_of_all_pods(m, r) for m in manifests) for r in ("cpu", "memory")}
        for name, manifests in made.items()
    }
    if not any(amount for each in wanted.values() for amount in each.values()):
        return
    nodes = await if_allowed(cluster, "v1", "Node")
    taken = await _taken(cluster)
    if nodes is None or taken is None or may_grow(nodes):
        return
    usable = [n for n in nodes if not (n.get("spec") or {}).get("unschedulable")]
    short = []
    for resource in ("cpu", "memory"):
        need = sum(each[resource] for each in wanted.values())
        room = sum(parse_quantity(_allocatable(n).get(resource, "0")) for n in usable)
        free = max(0.0, room - taken[resource])
        if nodes and need > free:
            short.append(
                f"{resource}: {_text(resource, need)} are requested, "
                f"{_text(resource, free)} of {_text(resource, room)} are free"
            )
    if short:
        shares = [
            f"{name}: {_text('cpu', each['cpu'])}, {_text('memory', each['memory'])}"
            for name, each in wanted.items()
        ]
        raise _refused(
            "CAPACITY", "", "the cluster has not enough room for all of it", [*short, *shares]
        )


async def _taken(cluster: Cluster) -> dict[str, float] | None:
    """Sum what all pods of the cluster request; no pod is kept. None where nobody may ask."""
    by_pod: dict[str, dict[str, float]] = {}

    def note(pod: Object) -> None:
        done = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if bool((pod.get("spec") or {}).get("nodeName")) and not done:
            by_pod[pod["metadata"]["uid"]] = {
                r: _requested(pod["spec"], r) for r in ("cpu", "memory")
            }

    if await if_allowed(cluster, "v1", "Pod", note) is None:
        return None
    return {r: sum(each[r] for each in by_pod.values()) for r in ("cpu", "memory")}


def _of_all_pods(manifest: Object, resource: str) -> float:
    pod = _pod_spec(manifest)
    if pod is None or manifest["kind"] in ("Job", "CronJob"):
        return 0.0  # these come and go
    replicas = (manifest.get("spec") or {}).get("replicas", 1)
    return float(replicas) * _requested(pod, resource)


def _pod_spec(manifest: Object) -> dict[str, Any] | None:
    spec = manifest.get("spec") or {}
    if manifest["kind"] == "Pod":
        return dict(spec)
    template = spec.get("template") or {}
    if manifest["kind"] == "CronJob":
        template = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template") or {}
    pod = template.get("spec")
    return pod if isinstance(pod, dict) and "containers" in pod else None


def _requested(pod: dict[str, Any], resource: str) -> float:
    total = 0.0
    for container in pod.get("containers") or ():
        resources = container.get("resources") or {}
        for part in ("requests", "limits"):
            if resource in (resources.get(part) or {}):
                total += parse_quantity(str(resources[part][resource]))
                break
    return total


def _allocatable(node: Object) -> dict[str, str]:
    return (node.get("status") or {}).get("allocatable") or {}


def _fits(node: Object, wanted: dict[str, float]) -> bool:
    room = _allocatable(node)
    return all(value <= parse_quantity(room.get(r, "0")) for r, value in wanted.items())


def _text(resource: str, value: float) -> str:
    return f"{value:g} cores" if resource == "cpu" else f"{value / 2**20:.0f}Mi"
