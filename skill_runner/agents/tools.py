"""The tools of the MCP server, as data: names, flat schemas, truthful annotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from skill_runner.agents.answers import DESCRIBED, ENDED, LISTED, OUTCOME, STATUS
from skill_runner.agents.permissions import RULES, Permits

Schema = Mapping[str, Any]

_TEXT: Final = {"type": "string", "maxLength": 253}
_SKILL: Final = {**_TEXT, "description": "A skill's name, from list_skills."}
_NAME: Final = {**_TEXT, "description": "Name of the installation; the skill's name by default."}
_NAMESPACE: Final = {**_TEXT, "description": "Namespace of the installation."}
_CONTEXT: Final = {
    **_TEXT,
    "description": "Kubeconfig context; left out, the local cluster is used.",
}
_INPUTS: Final = {
    "type": "object",
    "description": "Inputs by name, as describe_skill lists them. Secrets by reference only.",
}
_WAIT: Final = {
    "type": "number",
    "minimum": 0,
    "maximum": 600,
    "default": 90,
    "description": "Seconds to wait for the end. After that the answer has status `running` and "
    "a `run`: go on with status(run_id).",
}


_PURGE: Final = {
    "purge": {
        "type": "boolean",
        "default": False,
        "description": "Delete data volumes, too. This loses their data.",
    }
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool. `destructive` and `idempotent` mean something only where it writes."""

    name: str
    title: str
    description: str
    properties: Mapping[str, Schema]
    required: tuple[str, ...] = ()
    output: Schema
    destructive: bool = False
    idempotent: bool = True

    @property
    def reads_only(self) -> bool:
        return not RULES[self.name].writes

    @property
    def input_schema(self) -> dict[str, Any]:
        """Flat: some clients accept no anyOf, oneOf or allOf at the root."""
        return {
            "type": "object",
            "properties": dict(self.properties),
            "required": list(self.required),
            "additionalProperties": False,
        }


_LIST_SKILLS: Final = Tool(
    name="list_skills",
    title="List skills",
    output=LISTED,
    properties={},
    description="What can be installed on Kubernetes: each skill in one line.",
)
_DESCRIBE_SKILL: Final = Tool(
    name="describe_skill",
    title="Describe a skill",
    output=DESCRIBED,
    properties={"skill": _SKILL},
    required=("skill",),
    description="A skill's inputs (JSON Schema), effects, requirements, outputs, undo.",
)
_PLAN: Final = Tool(
    name="plan",
    title="Plan a run",
    output=OUTCOME,
    required=("skill",),
    properties={
        "skill": _SKILL,
        "name": _NAME,
        "namespace": _NAMESPACE,
        "inputs": _INPUTS,
        "context": _CONTEXT,
    },
    description="What `run` would do with the same arguments, with everything that can "
    "be checked before. Nothing is touched.",
)
_STATUS: Final = Tool(
    name="status",
    title="Status",
    output=STATUS,
    properties={
        "run_id": {**_TEXT, "description": "The `run` of an outcome with status running."},
        "wait_seconds": {**_WAIT, "default": 60},
        "context": _CONTEXT,
    },
    description="How a run goes on, or its outcome; without run_id, the installations.",
)
_WHY: Final = Tool(
    name="why",
    title="Say what is wrong",
    output=OUTCOME,
    properties={
        "name": _NAME,
        "namespace": _NAMESPACE,
        "context": _CONTEXT,
        "release": {**_TEXT, "description": "Any Helm release, in place of a name."},
    },
    description="The cause of what is not ready in an installation, a Helm release or a "
    "namespace now, with evidence and next commands. Nothing is changed.",
)
_VERIFY: Final = Tool(
    name="verify",
    title="Prove again",
    output=OUTCOME,
    required=("name",),
    properties={
        "name": _NAME,
        "namespace": _NAMESPACE,
        "context": _CONTEXT,
        "observe": {
            "type": "boolean",
            "default": False,
            "description": "Only read: no proof that writes.",
        },
        "wait_seconds": _WAIT,
    },
    description="Readiness and proofs of an installation, now. Probes clean up behind themselves.",
)
_CANCEL: Final = Tool(
    name="cancel",
    title="End a run",
    output=ENDED,
    destructive=True,
    required=("run_id",),
    properties={"run_id": {**_TEXT, "description": "The `run` of an outcome."}},
    description="End a run that is still `running`, with all that it started. What it "
    "made stays; the next run continues from there.",
)
_READING: Final = (_LIST_SKILLS, _DESCRIBE_SKILL, _PLAN, _STATUS, _WHY)


def tools(permits: Permits) -> tuple[Tool, ...]:
    """Those that the server offers, in a fixed order; what its owner forbade is left out."""
    every = (*_READING, _run_tool(permits), _VERIFY, _remove_tool(permits), _CANCEL)
    return tuple(tool for tool in every if permits.offers(tool.name))


def is_outcome(name: str) -> bool:
    """Tell whether what a tool answers, refusals included, is an outcome."""
    return name not in ("list_skills", "describe_skill", "cancel")


def _run_tool(permits: Permits) -> Tool:
    return Tool(
        name="run",
        title="Install or update, and prove",
        output=OUTCOME,
        required=("skill",),
        properties={
            "skill": _SKILL,
            "name": _NAME,
            "namespace": _NAMESPACE,
            "inputs": _INPUTS,
            "context": _CONTEXT,
            "wait_seconds": _WAIT,
        },
        destructive=permits.allow_changes,
        description="Install a skill or update its installation, wait until it is ready, "
        "prove that it works. Status ready or unchanged: it works. Otherwise read `problem`.",
    )


def _remove_tool(permits: Permits) -> Tool:
    return Tool(
        name="remove",
        title="Remove an installation",
        output=OUTCOME,
        destructive=True,
        required=("name", "confirm"),
        properties={
            "name": _NAME,
            "namespace": _NAMESPACE,
            "context": _CONTEXT,
            "confirm": {**_TEXT, "description": "The exact name again."},
            "wait_seconds": _WAIT,
            **(_PURGE if permits.allow_purge else {}),
        },
        description="Remove an installation, from its record. Data volumes are kept.",
    )
