"""Perform one step: look at the cluster first, write only what differs, then wait."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from skill_runner.errors import Conflict, NotFound
from skill_runner.execution import apply, release
from skill_runner.execution.stability import await_objects, meanwhile, settle
from skill_runner.execution.state import Walk, begin_change
from skill_runner.hooks.call import call_hook
from skill_runner.installations import releases, uninstall
from skill_runner.installations.deletion import find_leaving, until_gone
from skill_runner.installations.namespaces import ensure_namespace
from skill_runner.installations.owned import Found, look, look_at_release, refusal
from skill_runner.installations.record import Record, ReleaseRecord
from skill_runner.objects import Object, Ref
from skill_runner.plan import (
    PlannedApply,
    PlannedHook,
    PlannedImage,
    PlannedRelease,
    PlannedStep,
    PlannedWait,
)
from skill_runner.progress import Note, StepStatus
from skill_runner.readiness.wait import Expected

Done = tuple[StepStatus, str]


def title(step: PlannedStep) -> str:
    """What a step does, for the person watching."""
    match step:
        case PlannedRelease():
            return f"Helm release {step.release} in {step.namespace}"
        case PlannedApply():
            return f"apply {len(step.manifests)} objects"
        case PlannedImage():
            return f"image {step.choice.ref}"
        case PlannedWait():
            return "wait for " + ", ".join(f"{r.kind} {r.name}" for r in step.wait)
        case PlannedHook():
            return f"hook {step.hook}"


async def perform(walk: Walk, step: PlannedStep, old: Record | None) -> Done:
    """Do one step; StepFailed, NotReadyInTime and the errors of the backends otherwise."""
    if isinstance(step, PlannedRelease | PlannedApply):
        await settle(walk)  # what is made next may need what was made before
    match step:
        case PlannedRelease():
            return await _release(walk, step, old)
        case PlannedApply():
            return await _apply(walk, step)
        case PlannedImage():
            return await _image(walk, step)
        case PlannedWait():
            await await_objects(walk, (), step.wait, step.timeout, stability=0)
            return "done", ""
        case PlannedHook():
            return await _hook(walk, step, old)


async def _image(walk: Walk, step: PlannedImage) -> Done:
    if step.choice.source == "pull":
        return "unchanged", f"{step.choice.ref} is pulled by the cluster"
    recipe = walk.plan.skill.folder / step.recipe if step.recipe else None
    made = await walk.world.images.provide(
        step.choice, recipe, walk.report, application=step.application
    )
    if not made:
        return "unchanged", step.choice.ref
    if step.application is None:
        made += f", from the skill's recipe in place of {step.choice.official}"
    walk.notes.append(made)
    return "done", made


async def _hook(walk: Walk, step: PlannedHook, old: Record | None) -> Done:
    """Hooks are called again only when something changed: they may be slow, and may write."""
    if step.always:
        return await _look_again(walk, step)
    settled = old is not None and old.complete and old.plan_digest == walk.plan.digest
    if settled and not walk.changed and not walk.options.redeploy:
        return "unchanged", ""
    walk.check_lock()
    await begin_change(walk)
    message = await meanwhile(
        walk,
        lambda: call_hook(walk.plan.skill, step.hook, walk.context(), timeout=step.timeout),
    )
    return "done", message if isinstance(message, str) else ""


async def _look_again(walk: Walk, step: PlannedHook) -> Done:
    """A hook of every run; only one that says what it did has changed something."""
    walk.check_lock()
    message = await meanwhile(
        walk,
        lambda: call_hook(walk.plan.skill, step.hook, walk.context(), timeout=step.timeout),
    )
    if not isinstance(message, str) or not message:
        return "unchanged", ""
    await begin_change(walk)
    return "done", message


async def _release(walk: Walk, step: PlannedRelease, old: Record | None) -> Done:
    helm, cluster = walk.world.helm, walk.world.cluster
    installation = walk.plan.installation
    found, whose = await look_at_release(
        helm, step.release, step.namespace, installation, walk.record
    )
    if found is not None:
        if not whose.is_free and not walk.options.adopt:
            raise refusal(Found(found, None, whose))
        took = await releases.release_lock(helm, found, installation)
        if took:
            walk.notes.append(took)
        entry = ReleaseRecord(step.release, step.namespace, "")
        if whose.is_ours and not (old and old.complete):  # the run before may have been killed
            await uninstall.give_back(walk.world, installation, entry)
        if found.status == "uninstalling" and whose.is_ours:
            await begin_change(walk)
            walk.notes.append(await uninstall.finish(walk, entry))
    why = await releases.is_as_applied(helm, apply.patient(walk), step)
    if walk.options.redeploy:
        why = why or "asked to deploy again"
    if not whose.is_free:
        why = f"adopted from {whose.owner}"
    _remember_release(walk, step)
    scaled: tuple[str, ...] = ()
    if why:
        scaled = await releases.find_scaled(helm, cluster, step) if found else ()
        await begin_change(walk)
        await _let_go(walk, step)
        await release.deploy(walk, step)
    objects = await helm.manifest(step.release, step.namespace)
    expected = [
        Expected.of(
            await releases.with_namespace(cluster, m, step.namespace), made=True, changed=bool(why)
        )
        for m in objects
    ]
    stability = _stability(walk) if why else 0.0
    await await_objects(walk, expected, step.wait, step.timeout, stability=stability)
    if not why:
        return "unchanged", ""
    if found and walk.options.no_change:
        walk.notes.append(f"put back as the record says (release {step.release}): {why}")
    walk.notes.extend(f"scaled up again: {each}" for each in scaled)
    return "done", f"upgraded: {why}" if found else "installed"


async def _let_go(walk: Walk, step: PlannedRelease) -> None:
    """Wait for what someone is deleting: Helm would patch it, and it would vanish afterwards."""
    spec = releases.release_spec(step, walk.plan.installation, walk.run.id)
    made = [
        Ref.of(await releases.with_namespace(walk.world.cluster, manifest, step.namespace))
        for manifest in await walk.world.helm.template(spec)
    ]
    leaving = await find_leaving(walk.world.cluster, made)
    await until_gone(replace(walk.world, report=walk.report), leaving, step.timeout)


def _stability(walk: Walk) -> float:
    """Seconds without a restart or a flap; what follows the step goes on meanwhile."""
    asked = walk.options.stability
    return walk.plan.skill.stability if asked is None else asked


async def _apply(walk: Walk, step: PlannedApply) -> Done:
    """Apply what differs, by a dry run each. Refused before the first when one is another's."""
    cluster, installation = walk.world.cluster, walk.plan.installation
    all_wanted = [
        await releases.with_namespace(cluster, manifest, installation.namespace)
        for manifest in step.manifests
    ]
    looked = [
        await look(cluster, ref, installation, walk.record.held(ref))
        for ref in map(Ref.of, all_wanted)
    ]
    others = [found for found in looked if not found.whose.is_free]
    if others and not walk.options.adopt:
        raise refusal(*others)
    _remember_objects(walk, looked)
    expected: list[Expected] = []
    uids: dict[Ref, str] = {}
    for wanted, found in zip(all_wanted, looked, strict=True):
        live = await _apply_if_different(walk, wanted, found, step.timeout)
        expected.append(Expected.of(wanted, live, made=True))
        if live is not None:
            uids[Ref.of(wanted)] = str(live["metadata"]["uid"])
    walk.record = walk.record.remembering(uids)
    walk.run.manifests(step.id, step.manifests)
    await await_objects(
        walk, expected, step.wait, step.timeout, stability=_stability(walk) if uids else 0
    )
    return ("done", f"{len(uids)} of {len(expected)} applied") if uids else ("unchanged", "")


async def _apply_if_different(
    walk: Walk, wanted: Object, found: Found, timeout: float
) -> Object | None:
    """The applied object, or None when it stands as wanted."""
    cluster = walk.world.cluster
    if found.live is not None and found.whose.is_ours:
        with suppress(NotFound, Conflict):
            if not await releases.differs(apply.patient(walk), wanted, found.live):
                return None
    await begin_change(walk)
    leaving = await find_leaving(cluster, [Ref.of(wanted)])
    await until_gone(replace(walk.world, report=walk.report), leaving, timeout)
    if space := wanted["metadata"].get("namespace"):
        await _ensure_space(walk, space)
    same = found.whose.uid if not leaving else ""
    try:
        return await apply.apply(walk, wanted, uid=same, force=not found.whose.is_free)
    except Conflict:  # it may be another one by now, or gone
        ref = found.ref
        now = await look(cluster, ref, walk.plan.installation, walk.record.held(ref))
        if now.live is None:
            return await apply.apply(walk, wanted)
        if not now.whose.is_free and now.whose.uid != same:
            raise refusal(now) from None
        raise


async def _ensure_space(walk: Walk, name: str) -> None:
    space = await ensure_namespace(walk.world.cluster, name)
    walk.record = walk.record.remembering(space.uids)
    if space.created:
        walk.report(Note(f"namespace {name} did not exist, and is made"))


def _remember_release(walk: Walk, step: PlannedRelease) -> None:
    known = {(r.name, r.namespace): r for r in walk.record.releases}
    digest = releases.release_digest(step)
    before = known.pop((step.release, step.namespace), None)
    entry = ReleaseRecord(step.release, step.namespace, digest)
    if before:
        entry = replace(before, digest=digest)
    walk.record = replace(walk.record, releases=(*known.values(), entry))


def _remember_objects(walk: Walk, looked: Sequence[Found]) -> None:
    """In the order in which they were first made: a removal goes the other way.

    The uid of one that is gone, or is another now, must not outlive it in the record.
    """
    uids = {each.ref: each.whose.uid if each.whose.is_ours else "" for each in looked}
    known = walk.record.objects
    objects = (*known, *(ref for ref in uids if ref not in known))
    walk.record = replace(walk.record, objects=objects).remembering(uids)
