"""The request for one installation: its record, inputs and images; and its run under the lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from skill_runner.backends.world import World
from skill_runner.errors import InputError, Refused, UsageError
from skill_runner.execution import runner, steps
from skill_runner.execution.state import Options
from skill_runner.installations import lock, namespaces, releases, store
from skill_runner.installations.record import Record
from skill_runner.installations.records import Records
from skill_runner.outcome import Outcome
from skill_runner.plan import (
    ImageChoice,
    Installation,
    Plan,
    PlannedRelease,
    PlannedStep,
    inputs,
    wanted_images,
)
from skill_runner.plan.changes import check_changes
from skill_runner.progress import StepResult, StepStatus
from skill_runner.runs.folder import Run
from skill_runner.runs.process import Holder
from skill_runner.skill.model import MISSING, Skill

ImageMode = Literal["auto", "pull", "build"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A caller's request: inputs as files, as text (`sets`), or as data (`given`).

    `use` names installations for what the skill requires, by alias or skill: namespace/name, or a
    name; `passed` are inputs for what it requires, by alias. `where` is the place of the request in
    a platform file, for messages. `allow_kinds` are kinds that may be made undeclared.
    """

    skill: Skill
    name: str
    namespace: str | None
    values_files: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    use: Mapping[str, str] = field(default_factory=dict)
    passed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    images: ImageMode = "auto"
    where: str = ""
    allow_kinds: tuple[str, ...] = ()


async def locate(request: Request, records: Records) -> tuple[Installation, Record | None]:
    """Find the installation that a request means, and its record: by namespace, else by name."""
    error, namespace = None, request.namespace
    try:
        namespace = str(resolve(request, None).get("namespace") or "default")
    except InputError as caught:  # what is missing may be in the record
        error, namespace = caught, namespace or _namespace(request)
    old = await records.read(Installation(namespace, request.name))
    if old is not None and old.skill != request.skill.name:
        raise Refused(
            f"{old.installation} is an installation of {old.skill}, not of {request.skill.name}",
            hint="Choose another name with --name, or another namespace with -n.",
        )
    if old is None and request.namespace is None:
        old = await records.find(request.name)
        old = old if old is not None and old.skill == request.skill.name else None
    if old is None:  # data that a removal kept was made with these inputs
        old = await records.read_kept(Installation(namespace, request.name))
        old = old if old is not None and old.skill == request.skill.name else None
    if old is None and error is not None:
        raise error
    refuse_delivered(old)
    return (old.installation if old else Installation(namespace, request.name)), old


def refuse_delivered(old: Record | None) -> None:
    """Refused when a repository says what the installation is: two would undo each other's work."""
    if old is not None and old.delivered_by:
        raise Refused(
            f"{old.installation} is delivered by {old.delivered_by}, which would revert what a run "
            "changes",
            hint="Change the platform file, render it, and commit; then: skill verify"
            f" {old.installation.name} --delivered-by argocd --revision SHA",
        )


def _namespace(request: Request) -> str:
    default = request.skill.inputs["namespace"].default
    named = request.given.get("namespace", "default" if default is MISSING else default)
    return str(named)


def _refuse_two_namespaces(request: Request) -> None:
    """UsageError when -n says one namespace and --set, or the inputs given, another."""
    said = [each.partition("=")[2] for each in request.sets if each.startswith("namespace=")]
    said += [str(request.given["namespace"])] if "namespace" in request.given else []
    for other in said:
        if request.namespace is not None and other != request.namespace:
            raise UsageError(
                f"two namespaces are named: -n {request.namespace} and the input namespace={other}",
                hint="Name one: -n means the same as --set namespace=….",
            )


def resolve(
    request: Request, old: Record | None, wants: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The inputs of a run; `wants` are those that others need, in place of `given`.

    Refused when an existing installation does not let them change so.
    """
    sets = list(request.sets)
    _refuse_two_namespaces(request)
    if request.namespace is not None and "namespace" in request.skill.inputs:
        sets.append(f"namespace={request.namespace}")
    values = inputs.resolve_inputs(
        request.skill,
        values_files=request.values_files,
        sets=sets,
        recorded=old.inputs if old else None,
        given=request.given if wants is None else wants,
    )
    if old is not None:
        check_changes(request.skill, (old.good or old).inputs, values)
    return values


async def choose_images(
    request: Request,
    installation: Installation,
    values: Mapping[str, Any],
    world: World,
    old: Record | None,
) -> dict[str, ImageChoice]:
    """One choice for each image of the skill; an earlier choice is kept."""
    images = wanted_images(request.skill, installation, values)
    only = len(images) == 1
    return {
        name: await world.images.choose(
            image,
            request.skill.folder,
            mode=request.images,
            recorded=old.images.get(name) if old else None,
            override=str(values["image"]) if only and values.get("image") else None,
        )
        for name, image in images.items()
    }


def secrets_of(request: Request) -> tuple[str, ...]:
    """The secrets in what the caller gives, to be redacted before anything else is done."""
    return inputs.given_secrets(request.skill, request.values_files, request.sets, request.given)


async def run_prepared(
    plan: Plan, world: World, run_: Run, options: Options, *, asked: bool = True
) -> Outcome:
    """Lock and run a plan that preflight let pass; `asked` when the caller named it."""
    world.scope.check(str(plan.installation), plan.skill.name)
    run_.redactor.add(inputs.secret_values(plan.skill, plan.inputs))
    installation = plan.installation
    space = await namespaces.ensure_namespace(world.cluster, installation.namespace)
    async with lock.hold(
        world.connect, installation, str(Holder.here()), world.clock, world.report, run=run_.id
    ) as held:
        world = world.under(held)
        old = await store.read(world.cluster, installation) or await store.read_kept(
            world.cluster, installation
        )
        return await runner.run_plan(
            plan, world, run_, held, old, options, space=space, asked=asked
        )


async def find_record(
    world: World, name: str, namespace: str | None, *, purge: bool = False
) -> Record:
    """The record of an installation; UsageError with the known ones when there is none, Refused
    where it must not be touched.

    `purge` when its data is to go as well, which may be all that is left of it.
    """
    found = await store.find(world.cluster, name, namespace)
    if found is None and purge:
        found = await store.find(world.cluster, name, namespace, kept=True)
    if found is None:
        everything = [(str(r.installation), r.skill) for r in await store.find_all(world.cluster)]
        known = [each for each, skill in everything if world.scope.allows(each, skill)]
        raise UsageError(
            f"no installation {name!r}" + (f" in namespace {namespace}" if namespace else ""),
            hint=f"This cluster has: {', '.join(known) or 'none'}",
        )
    world.admit(found.installation, found.skill)
    return found


async def planned(plan: Plan, old: Record | None, world: World, objects: int) -> Outcome:
    """Report what a run of a plan would do, step by step; `objects` is how many it would make."""
    results = []
    for step in plan.steps:
        status, words = await _intent(step, world)
        results.append(StepResult(id=step.id, status=status, message=words))
    changes = any(r.status == "not run" for r in results)
    target = world.cluster.target
    return Outcome(
        status="planned",
        installation=str(plan.installation),
        version=plan.skill.version,
        changed=False,
        steps=tuple(results),
        outputs=plan.outputs,
        cluster={"context": target.context, "server": target.server},
        notes=(
            "the installation exists" if old else "a new installation",
            f"{objects} objects" + ("" if changes else "; nothing would change"),
        ),
    )


async def _intent(step: PlannedStep, world: World) -> tuple[StepStatus, str]:
    if isinstance(step, PlannedRelease):
        why = await releases.is_as_applied(world.helm, world.cluster, step)
        words = f"{steps.title(step)}: {why}" if why else steps.title(step)
        return ("not run", words) if why else ("unchanged", words)
    return "not run", steps.title(step)
