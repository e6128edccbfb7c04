"""Say what is wrong in the cluster now: one look, and the proofs that only read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from skill_runner.actions.verify import expected_objects, outputs_of, plan_of
from skill_runner.backends.base import Release
from skill_runner.backends.kubeconfig import flags_for
from skill_runner.backends.world import World, cluster_of
from skill_runner.errors import ApiError, Forbidden, NotFound, SkillError, UsageError
from skill_runner.execution import evidence, failure, proofs
from skill_runner.execution.state import Walk
from skill_runner.installations import releases, store
from skill_runner.installations.record import Record
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Code, NextAction, Outcome, Problem, from_error
from skill_runner.outcome.fix import fix_of
from skill_runner.outcome.next_actions import Subject, concrete
from skill_runner.plan import Plan
from skill_runner.readiness.diagnosis import DEFAULT_POLICY, FailurePolicy
from skill_runner.readiness.diagnosis.text import times
from skill_runner.readiness.status.table import is_custom
from skill_runner.readiness.wait import Expected, look_once
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library
from skill_runner.skill.model import WaitRule
from skill_runner.text.quoting import excerpt

# What stands for itself in a namespace; what these make is found below them.
KINDS: Final = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("v1", "Pod"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Service"),
)


async def why_installation(world: World, run: Run, target: Record, library: Library) -> Outcome:
    """Diagnose an installation by its record, with its skill's own rules where they are here."""
    with suppress(Forbidden):  # whoever may not read Secrets may still ask why
        target = await store.opened(world.cluster, target)
    run.redactor.add(store.secret_texts(target))
    plan = await _plan(world, target, library)
    expected = await expected_objects(world, target, plan)
    name = target.installation
    subject = replace(
        _subject(world, name.namespace, skill=target.skill, name=name.name),
        image_given=any(choice.is_given for choice in target.images.values()),
    )
    made = [await world.helm.get(r.name, r.namespace) for r in target.releases]
    notes = () if target.complete else ("its last run did not finish",)
    rules, policy = _own_words(plan)
    seen = await _look(
        world,
        run,
        expected,
        subject,
        str(name),
        target.version,
        releases=[r for r in made if r],
        notes=notes,
        policy=policy,
        rules=rules,
    )
    if plan is None or seen.status != "ready":
        return seen
    walk = Walk.that_reads(plan, world, run, target)
    return await _observe(walk, seen, subject)


async def _plan(world: World, target: Record, library: Library) -> Plan | None:
    """The plan of the record; None where the skill's folder is not here."""
    try:
        return plan_of(target, library, await outputs_of(world, target))
    except SkillError:
        return None


def _own_words(plan: Plan | None) -> tuple[tuple[WaitRule, ...], FailurePolicy]:
    """The skill's wait rules and failure policy; the usual ones without a plan."""
    if plan is None:
        return (), DEFAULT_POLICY
    rules = plan.wait_rules
    return rules, DEFAULT_POLICY.override(plan.skill.failure_policy)


async def _observe(walk: Walk, seen: Outcome, subject: Subject) -> Outcome:
    """The proofs that only read, of what looks well: an operator that is ready may not work."""
    try:
        for proof in walk.plan.proofs:
            if proof.kind == "observe":
                await proofs.run_proof(walk, proof)
    except SkillError as error:
        status, code = from_error.status_of(error)
        problem = concrete(await failure.handle(walk, error), subject)
        notes = tuple(walk.notes)
        return replace(seen, status=status, exit_code=code, problem=problem, notes=notes)
    return seen


async def why_all(world: World, run: Run, library: Library) -> Outcome:
    """Diagnose every installation; the first with a problem is told. UsageError without any."""
    world.scope.check_whole()
    targets = await store.find_all(world.cluster)
    if not targets:
        raise UsageError(
            "this cluster has no installation",
            hint="Look at a namespace (skill why -n NAMESPACE) or a release (--release NAME -n …).",
        )
    outcomes = [await why_installation(world, run, target, library) for target in targets]
    bad = [o for o in outcomes if o.status != "ready"]
    names = ", ".join(f"{o.installation}: {o.status.replace('_', ' ')}" for o in outcomes)
    worst = next((o for o in bad if o.status == "failed"), (*bad, outcomes[0])[0])
    if len(outcomes) == 1:
        return worst
    return replace(
        worst,
        notes=(f"installations: {names}", *worst.notes),
        installation=worst.installation if bad else "",
    )


async def why_release(world: World, run: Run, name: str, namespace: str) -> Outcome:
    """Diagnose any Helm release, whoever made it. UsageError when there is none."""
    world.scope.check_whole(namespace)
    release = await world.helm.get(name, namespace)
    if release is None:
        known = ", ".join(r.name for r in await world.helm.list(namespace)) or "none"
        raise UsageError(
            f"no release {name!r} in namespace {namespace}", hint=f"Its releases: {known}"
        )
    made = [*await world.helm.manifest(name, namespace), *await _hooks(world, name, namespace)]
    expected = [
        Expected.of(await releases.with_namespace(world.cluster, m, namespace), made=True)
        for m in made
    ]
    return await _look(
        world,
        run,
        expected,
        _subject(world, namespace, release=name),
        f"{namespace}/{name}",
        release.chart_version,
        releases=[release],
    )


async def why_namespace(world: World, run: Run, namespace: str) -> Outcome:
    """Diagnose everything in a namespace, whoever made it. UsageError when it does not exist."""
    world.scope.check_whole(namespace)
    try:
        space = await world.cluster.get(Ref("v1", "Namespace", namespace))
    except NotFound:
        raise UsageError(
            f"no namespace {namespace!r}", hint="kubectl get namespaces lists them."
        ) from None
    found = await _standing(world, namespace)
    expected = [Expected.of(o) for o in (space, *found)]
    notes = (
        f"checked {times(len(found), 'object')}: workloads, Jobs, Pods, claims, Services, and "
        "custom resources with a status; nothing else",
    )
    return await _look(world, run, expected, _subject(world, namespace), namespace, "", notes=notes)


async def _standing(world: World, namespace: str) -> list[Object]:
    """Objects without an owner; custom resources only where their controller says something."""
    custom = [
        (t.api_version, t.kind)
        for t in await world.cluster.resource_types()
        if t.namespaced and "list" in t.verbs and is_custom(t.api_version)
    ]
    lists = await asyncio.gather(*(_list(world, kind, namespace) for kind in (*KINDS, *custom)))
    return [
        o
        for (api_version, _), found in zip((*KINDS, *custom), lists, strict=True)
        for o in found
        if not o["metadata"].get("ownerReferences")
        and (not is_custom(api_version) or o.get("status"))
        and (o.get("status") or {}).get("phase") != "Succeeded"
    ]


async def _list(world: World, kind: tuple[str, str], namespace: str) -> Iterable[Object]:
    """All of a kind; none where they may not be read, or are not served any more."""
    try:
        found = await world.cluster.list(*kind, namespace=namespace)
    except (Forbidden, ApiError):
        return ()
    return [{"apiVersion": kind[0], "kind": kind[1], **o} for o in found.items]


async def _hooks(world: World, name: str, namespace: str) -> list[Object]:
    """Jobs and Pods of the release's hooks that are still there; its tests are none of them."""
    there = []
    for hook in await world.helm.hooks(name, namespace):
        events = str((hook["metadata"].get("annotations") or {}).get("helm.sh/hook", ""))
        if hook["kind"] not in ("Job", "Pod") or "test" in events or "delete" in events:
            continue
        placed = await releases.with_namespace(world.cluster, hook, namespace)
        if any(True for _ in await _named(world, Ref.of(placed))):
            there.append(hook)
    return there


async def _named(world: World, ref: Ref) -> Sequence[Object]:
    try:
        return [await world.cluster.get(ref)]
    except (NotFound, Forbidden):
        return []


def _subject(
    world: World, namespace: str, *, skill: str = "", name: str = "", release: str = ""
) -> Subject:
    kubeconfig, context = flags_for(world.cluster.target)
    return Subject(
        namespace=namespace,
        skill=skill,
        name=name,
        release=release,
        kubeconfig=kubeconfig,
        context=context,
    )


async def _look(
    world: World,
    run: Run,
    expected: list[Expected],
    subject: Subject,
    name: str,
    version: str,
    *,
    releases: Sequence[Release] = (),
    notes: tuple[str, ...] = (),
    policy: FailurePolicy = DEFAULT_POLICY,
    rules: tuple[WaitRule, ...] = (),
) -> Outcome:
    result = await look_once(world.cluster, world.clock, expected, rules=rules, policy=policy)
    base = Outcome(
        status="ready", installation=name, version=version, cluster=cluster_of(world), notes=notes
    )
    bad = [r for r in releases if r.status not in ("deployed", "superseded")]
    if result.state == "ready" and not bad:
        said = ("no problems found", *result.notes, *notes)
        return replace(base, notes=said)
    told = tuple(f"release {r.name} is {r.status}: {excerpt(r.description)}" for r in bad)
    problem = result.problem
    if problem is None:
        problem = _of_release(bad[0])
    lines = await evidence.collect(
        world.cluster, result.suspects, run.folder / "evidence", run.redactor
    )
    problem = concrete(evidence.with_words(problem, lines), subject)
    failed = result.state == "failed" or (result.state == "ready" and bool(bad))
    return replace(
        base,
        status="failed" if failed else "not_ready",
        exit_code=1 if failed else 5,
        problem=problem,
        notes=(*told, *notes),
    )


def _of_release(release: Release) -> Problem:
    """A release that Helm itself calls failed or pending, though nothing in it is wrong now."""
    pending = release.status.startswith("pending-")
    code: Code = "RELEASE_LOCKED" if pending else "RESOURCE_FAILED"
    where = f"{release.namespace}/{release.name}"
    return Problem(
        code=code,
        resource=f"release {where}",
        cause=f"release {where}, revision {release.revision}, is {release.status}",
        evidence=(f"helm: {release.description}",) if release.description else (),
        fix=fix_of("RELEASE_LOCKED")
        if pending
        else "Read Helm's message in the "
        "evidence, correct the chart or its values, and install or upgrade the release again.",
        next=(
            NextAction(
                run=f"helm history {release.name} -n {release.namespace}",
                safe=True,
                why="what was tried, and when",
            ),
        ),
    )
