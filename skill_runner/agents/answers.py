"""The shapes of what tools answer, as JSON Schemas."""

from __future__ import annotations

from typing import Any, Final, get_args

from skill_runner.outcome import Status
from skill_runner.runs.cancel import Ended

LISTED: Final = {
    "type": "object",
    "required": ["skills"],
    "properties": {
        "skills": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    key: {"type": "string"}
                    for key in ("name", "version", "summary", "use_when", "error")
                },
                "additionalProperties": False,
            },
        }
    },
    "additionalProperties": False,
}

DESCRIBED: Final = {
    "type": "object",
    "required": ["schema", "name", "version", "inputs", "effects", "undo"],
    "properties": {
        "schema": {"type": "string"},
        "name": {"type": "string"},
        "version": {"type": "string"},
        "inputs": {"type": "object"},
        "effects": {"type": "array", "items": {"type": "string"}},
        "undo": {"type": "string"},
    },
}

ENDED: Final = {
    "type": "object",
    "required": ["run", "ended", "status", "changed"],
    "properties": {
        "run": {"type": "string"},
        "ended": {"enum": list(get_args(Ended))},
        "status": {"enum": list(get_args(Status))},
        "changed": {"type": "boolean"},
    },
}

# Short, since it is in every list of tools; docs/reference/outcome.schema.json says it all.
OUTCOME: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["schema", "run", "installation", "status", "exit_code", "changed", "outputs"],
    "properties": {
        "schema": {"type": "string"},
        "run": {"type": "string"},
        "installation": {"type": "string"},
        "status": {"enum": list(get_args(Status))},
        "exit_code": {"type": "integer"},
        "changed": {"type": "boolean"},
        "outputs": {"type": "object"},
        "problem": {
            "type": "object",
            "required": ["code", "resource", "cause", "evidence", "retryable", "next"],
            "properties": {
                "code": {"type": "string"},
                "resource": {"type": "string"},
                "cause": {"type": "string"},
                "evidence": {"type": "array"},
                "retryable": {"type": "boolean"},
                "next": {"type": "array"},
            },
        },
    },
}

# An outcome, or the installations: one flat object, since not every client takes anyOf.
STATUS: Final = {
    "type": "object",
    "properties": {
        **OUTCOME["properties"],
        "installations": {"type": "array", "items": {"type": "object"}},
    },
}
