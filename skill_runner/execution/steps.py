"""Perform one step: look at the cluster first, write only what differs, then wait."""

from __future__ import annotations

from skill_runner.execution.apply import perform_apply
from skill_runner.execution.release import perform_release
from skill_runner.execution.stability import await_objects, meanwhile, settle
from skill_runner.execution.state import Done, Walk, begin_change
from skill_runner.hooks.declared import call
from skill_runner.installations.record import Record
from skill_runner.plan import (
    PlannedAdmits,
    PlannedApply,
    PlannedHook,
    PlannedImage,
    PlannedRelease,
    PlannedStep,
    PlannedWait,
)


def title(step: PlannedStep) -> str:
    """Say what a step does, for the person watching."""
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
        case PlannedAdmits():
            return f"wait until {step.admits.manifest} is admitted"


async def perform(walk: Walk, step: PlannedStep, old: Record | None) -> Done:
    """Do one step; StepFailed, NotReadyInTime and the errors of the backends otherwise."""
    if isinstance(step, PlannedRelease | PlannedApply):
        await settle(walk)  # what is made next may need what was made before
    match step:
        case PlannedRelease():
            return await perform_release(walk, step, old)
        case PlannedApply():
            return await perform_apply(walk, step)
        case PlannedImage():
            return await _image(walk, step)
        case PlannedWait():
            await await_objects(walk, (), step.wait, step.timeout, stability=0)
            return "done", ""
        case PlannedHook() if step.always:
            return await _look_again(walk, step)
        case PlannedHook() | PlannedAdmits():
            return await _once(walk, step, old)


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


async def _once(walk: Walk, step: PlannedHook | PlannedAdmits, old: Record | None) -> Done:
    """Hooks are called again only when something changed: they may be slow, and may write."""
    settled = old is not None and old.complete and old.plan_digest == walk.plan.digest
    if settled and not walk.changed and not walk.options.redeploy:
        return "unchanged", ""
    walk.check_lock()
    await begin_change(walk)
    message = await meanwhile(walk, lambda: call(walk.plan.skill, step, walk.context()))
    return "done", message if isinstance(message, str) else ""


async def _look_again(walk: Walk, step: PlannedHook) -> Done:
    """A hook of every run; only one that says what it did has changed something."""
    walk.check_lock()
    message = await meanwhile(walk, lambda: call(walk.plan.skill, step, walk.context()))
    if not isinstance(message, str) or not message:
        return "unchanged", ""
    await begin_change(walk)
    return "done", message
