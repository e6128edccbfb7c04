"""A skill tried without a cluster: planned, rendered, held against the policy and its own cases.

A case is a file in the skill's tests/ folder:

    inputs: {brokers: 3}              # what the caller gives
    requires: {db: {host: db.svc}}    # outputs of required skills, where templates read them
    expect:
      steps: [image, brokers]         # ids of the planned steps, in order
      values: {brokers: {replicas: 3}}     # by step: what the Helm values hold, at least
      objects: [StatefulSet kafka]    # among what the charts and manifests render
      outputs: {brokers: 3}           # at least
      refused: must be one of         # instead: part of the message that refuses these inputs
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skill_runner import policy
from skill_runner.backends.base import Helm, ReleaseSpec
from skill_runner.errors import HelmError, InputError, SkillFileError, UsageError
from skill_runner.objects import Object
from skill_runner.plan import (
    ImageChoice,
    Installation,
    Plan,
    PlannedApply,
    PlannedRelease,
    make_plan,
)
from skill_runner.plan.inputs import resolve_values
from skill_runner.policy.declared import Declared, lines_of
from skill_runner.skill.model import Skill
from skill_runner.skill.schema import faults, shown
from skill_runner.skill.yaml_source import YamlFault, read_one

_TEXTS: Final = {"type": "array", "items": {"type": "string"}}
_CASE: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["expect"],
    "additionalProperties": False,
    "properties": {
        "inputs": {"type": "object"},
        "requires": {"type": "object", "additionalProperties": {"type": "object"}},
        "expect": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "steps": _TEXTS,
                "values": {"type": "object", "additionalProperties": {"type": "object"}},
                "objects": _TEXTS,
                "outputs": {"type": "object"},
                "refused": {"type": "string", "minLength": 3},
            },
        },
    },
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One try: `name` is the case's file, or "defaults". No problems: it went as expected."""

    name: str
    problems: tuple[str, ...]


async def try_skill(skill: Skill, helm: Helm | None) -> tuple[Trial, ...]:
    """The skill with its defaults, where it needs no more, and each of its cases.

    Without `helm` charts are not rendered, and what they would make is not looked at.
    """
    trials = []
    if not any(each.required for each in skill.inputs.values()) and not skill.requires:
        trials.append(Trial("defaults", await _attempt(skill, {"expect": {}}, helm)))
    for file in sorted((skill.folder / "tests").glob("*.yaml")):
        case, problems = _read_case(file)
        tried = problems or await _attempt(skill, case, helm)
        trials.append(Trial(f"tests/{file.name}", tried))
    return tuple(trials)


def _read_case(file: Path) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    try:
        document = read_one(file.read_text(encoding="utf-8"))
    except YamlFault as fault:
        return {}, (f"{file}:{fault.mark}: {fault.message}",)
    lines = [f"{file}:{fault.mark}: {fault.message}" for fault in document.faults]
    lines += [
        f"{file}:{document.mark(fault.path)}: {fault.message}"
        for fault in faults(document.data, _CASE)
    ]
    return document.data, tuple(lines)


async def _attempt(skill: Skill, case: Mapping[str, Any], helm: Helm | None) -> tuple[str, ...]:
    expected = case["expect"]
    refused = expected.get("refused")
    try:
        plan = _plan(skill, case)
    except (InputError, SkillFileError, UsageError) as error:
        if refused is not None and refused in str(error):
            return ()
        return (str(error),)
    if refused is not None:
        return (f"these inputs were expected to be refused with '{refused}'",)
    try:
        rendered = await _render(plan, helm)
    except HelmError as error:
        return (str(error),)
    violations = policy.check(
        rendered, exceptions=skill.policy_exceptions, default_namespace=plan.installation.namespace
    )
    return (
        *_undeclared(skill, plan, rendered),
        *(f"{v.resource}: {v.message} ({v.rule}); {v.remedy}" for v in violations),
        *_differences(plan, expected),
        *(_missing_objects(rendered, expected.get("objects", ())) if helm else ()),
    )


def _undeclared(skill: Skill, plan: Plan, rendered: Sequence[Object]) -> tuple[str, ...]:
    """The `makes` that the skill should declare; one that declares nothing gets it all."""
    namespace = plan.installation.namespace
    declared = Declared(skill.name, namespace, plan.makes)
    missing = [manifest for manifest, _ in declared.faults(rendered)]
    lines = "; ".join(line.strip() for line in lines_of(missing, namespace)[1:])
    if plan.makes is None and any(isinstance(step, PlannedRelease) for step in plan.steps):
        unseen = "what its charts make that were not rendered here, and its hooks"
        return (f"skill.yaml must declare `makes`: {'; '.join(filter(None, (lines, unseen)))}",)
    return (f"`makes` in skill.yaml lacks {lines}",) if lines else ()


def _plan(skill: Skill, case: Mapping[str, Any]) -> Plan:
    inputs = resolve_values(skill, case.get("inputs") or {})
    images = {
        image.name: ImageChoice(
            name=image.name,
            ref=image.ref or f"{image.name}:trial",
            source="pull",
            official=image.ref,
        )
        for image in skill.images.values()
    }
    installation = Installation(str(inputs["namespace"]), skill.name)
    return make_plan(skill, installation, inputs, images, case.get("requires") or {})


async def _render(plan: Plan, helm: Helm | None) -> tuple[Object, ...]:
    made: list[Object] = []
    for step in plan.steps:
        if isinstance(step, PlannedApply):
            made.extend(step.manifests)
        elif isinstance(step, PlannedRelease) and helm is not None and step.repo is None:
            if "://" in step.chart:
                continue  # a remote chart would need the network
            spec = ReleaseSpec(
                name=step.release, namespace=step.namespace, chart=step.chart, values=step.values
            )
            made.extend(await helm.template(spec))
    return tuple(made)


def _differences(plan: Plan, expected: Mapping[str, Any]) -> Iterator[str]:
    steps = [step.id for step in plan.steps]
    if "steps" in expected and steps != expected["steps"]:
        yield f"expected the steps {shown(expected['steps'])}; got {shown(steps)}"
    values = {step.id: step.values for step in plan.steps if isinstance(step, PlannedRelease)}
    for step_id, wanted in expected.get("values", {}).items():
        if step_id not in values:
            yield f"expected values of the step '{step_id}', which is no planned release"
        else:
            yield from _subset(wanted, values[step_id], f"values of {step_id}")
    yield from _subset(expected.get("outputs", {}), plan.outputs, "outputs")


def _subset(wanted: Any, actual: Any, where: str) -> Iterator[str]:
    """List where `actual` lacks or differs from what is wanted; mappings may hold more."""
    if isinstance(wanted, Mapping) and isinstance(actual, Mapping):
        for key, value in wanted.items():
            if key not in actual:
                yield f"{where}: expected '{key}', which is not there"
            else:
                yield from _subset(value, actual[key], f"{where}.{key}")
    elif wanted != actual:
        yield f"{where}: expected {shown(wanted)}; got {shown(actual)}"


def _missing_objects(rendered: Sequence[Object], wanted: Sequence[str]) -> Iterator[str]:
    names = {f"{each.get('kind')} {(each.get('metadata') or {}).get('name')}" for each in rendered}
    for name in wanted:
        if name not in names:
            yield f"expected the object {name}; rendered were {', '.join(sorted(names))[:300]}"
