"""A skill as what a caller wants to know of it: inputs, effects, proofs, outputs, and undoing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skill_runner.plan.inputs import inputs_schema
from skill_runner.skill.let import expanded
from skill_runner.skill.model import (
    AdmitsStep,
    ApplyStep,
    HookStep,
    ImageStep,
    Input,
    OnFailure,
    ReleaseStep,
    Skill,
    Step,
)
from skill_runner.skill.schema import shown

SCHEMA: Final = "skill-runner/skill/v1"

_CHANGE: Final[Mapping[str, str]] = {
    "free": "may change",
    "grow": "may only grow",
    "refuse": "fixed once installed",
}
_FAILURE: Final[Mapping[OnFailure, str]] = {
    "keep": "A failed run keeps what it created, to be inspected; run again to continue.",
    "rollback": "A failed run collects the evidence, then rolls its releases back.",
    "remove": "A failed first run collects the evidence, then removes what it created.",
}
_PROOF: Final = {
    "observe": "only reads",
    "probe": "writes, and cleans up after itself",
    "drill": "disrupts; for test clusters only",
}


def describe(skill: Skill) -> dict[str, Any]:
    """Everything that is known of a skill before a run, as one JSON document."""
    return {
        "schema": SCHEMA,
        "name": skill.name,
        "version": skill.version,
        "summary": skill.summary,
        "use_when": skill.use_when,
        "do_not_use_when": skill.do_not_use_when,
        "takes": skill.takes,
        "inputs": inputs_schema(skill),
        "let": dict(skill.let),
        "changes": {each.name: each.change for each in skill.inputs.values()},
        "requires": [
            {"skill": each.skill, "as": each.alias, "when": explained(skill, each.when)}
            for each in skill.requires
        ],
        "images": {each.name: each.ref for each in skill.images.values()},
        "effects": list(effects(skill)),
        "makes": skill.declared.as_data() if skill.declared else None,
        "proofs": [
            {
                "id": each.id,
                "kind": each.kind,
                "does": _PROOF[each.kind],
                "when": explained(skill, each.when),
                "says": skill.says(each),
            }
            for each in skill.prove
        ],
        "outputs": sorted(skill.outputs),
        "permissions": permissions(skill),
        "exceptions": [
            {"rule": each.rule, "resource": each.resource, "reason": each.reason}
            for each in skill.policy_exceptions
        ],
        "on_failure": skill.on_failure,
        "undo": undo(skill),
        "folder": str(skill.folder),
    }


def effects(skill: Skill) -> tuple[str, ...]:
    """Say what a run does to the cluster, a sentence for each step."""
    return tuple(
        _effect(step, skill) + (f", when {explained(skill, step.when)}" if step.when else "")
        for step in skill.steps
    )


def explained(skill: Skill, when: str | None) -> str | None:
    """Return a condition in the words of the inputs, without the names that the skill defines."""
    return expanded(when, skill.let) if when else None


def permissions(skill: Skill) -> dict[str, list[str]]:
    """List what a run must be allowed to do in its namespace, by verbs; `skill run` asks before it
    begins. What a remote chart or a hook makes besides is not known here."""
    return {
        "create get list watch patch delete": [*skill.makes],
        "create get list update patch delete": [
            "coordination.k8s.io/v1 Lease",
            "v1 ConfigMap",
            "v1 Secret",
        ],
        "get list watch": ["v1 Event", "v1 Pod"],
    }


def objects(skill: Skill) -> tuple[str, ...]:
    """The kinds that a skill declares to make, a line for each place; nothing else is made."""
    if skill.declared is None:
        return ("not declared: `skill run` refuses it without --allow-kinds",)
    makes = skill.declared
    lines = [("in its namespace", makes.here), ("for the whole cluster", makes.cluster)]
    lines += [(f"in the namespaces {each.namespaces}", each.kinds) for each in makes.elsewhere]
    return tuple(
        f"{where}: {', '.join(str(kind) for kind in kinds)}" for where, kinds in lines if kinds
    )


def undo(skill: Skill) -> str:
    """Say how to take back what a run made, and what stays."""
    return (
        f"`skill remove {skill.name}` removes what its releases and manifests made; data volumes "
        f"stay unless --purge is given. {_FAILURE[skill.on_failure]}"
    )


def change_of(each: Input) -> str:
    """Describe what an existing installation lets one do with an input."""
    return _CHANGE[each.change]


def type_of(schema: Mapping[str, Any]) -> str:
    """The type of an input with its bounds, on one short line: `1 | 3`, `integer 1…5`."""
    if "enum" in schema:
        return " | ".join(
            choice if isinstance(choice, str) else shown(choice) for choice in schema["enum"]
        )
    kind = schema.get("type", "any")
    name = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if name == "array" and isinstance(schema.get("items"), Mapping):
        return f"list of {type_of(schema['items'])}"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{name} {low}…{high}"
    if low is not None or high is not None:
        return f"{name} ≥ {low}" if low is not None else f"{name} ≤ {high}"
    return name


def _effect(step: Step, skill: Skill) -> str:
    if isinstance(step, ReleaseStep):
        where = f" from {step.repo}" if step.repo else ""
        version = f" {step.version}" if step.version else ""
        name = "a Helm release" if "{{" in step.release else f"the Helm release {step.release}"
        return f"installs {name} ({step.chart}{version}{where})"
    if isinstance(step, ApplyStep):
        return f"applies the objects of {step.manifest}"
    if isinstance(step, ImageStep):
        return f"makes the image '{step.image}' available to the cluster"
    if isinstance(step, HookStep):
        says = skill.hook_says.get(step.hook, "").rstrip(".")
        return f"{step.hook}: {says}" if says else f"calls {step.hook} in hooks.py"
    if isinstance(step, AdmitsStep):
        return f"waits until the API server admits {step.admits.manifest} in a dry run"
    waits = ", ".join(f"{rule.kind} {rule.name}" for rule in step.wait)
    return f"waits for {waits}"
