"""The form of a record's JSON, checked before anything of it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator

_TEXT: Final = {"type": "string"}
_NAME: Final = {"type": "string", "pattern": r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"}
_MAP: Final = {"type": "object"}
_TEXTS: Final = {"type": "object", "additionalProperties": _TEXT}
_REF: Final = {
    "type": "object",
    "required": ["api_version", "kind", "name", "namespace"],
    "properties": {
        "api_version": _TEXT,
        "kind": _TEXT,
        "name": {"type": "string", "minLength": 1},
        "namespace": {"anyOf": [_NAME, {"type": "null"}]},
        "uid": _TEXT,
    },
}
_RELEASE: Final = {
    "type": "object",
    "required": ["name", "namespace", "digest"],
    "properties": {
        "name": _NAME,
        "namespace": _NAME,
        "digest": _TEXT,
        "uid": _TEXT,
        "revision": {"type": "integer", "minimum": 0},
    },
}
_INSTALLATION: Final = {
    "type": "object",
    "required": ["name", "namespace"],
    "properties": {"name": _NAME, "namespace": _NAME},
}
_IMAGE: Final = {
    "type": "object",
    "required": ["name", "ref", "source", "official"],
    "properties": {"source": {"enum": ["pull", "build"]}},
    "additionalProperties": _TEXT,
}
_DESCRIPTION: Final = {
    "version": _TEXT,
    "inputs": _MAP,
    "outputs": _MAP,
    "plan_digest": _TEXT,
    "source": _TEXT,
    "requires": _TEXTS,
    "images": {"type": "object", "additionalProperties": _IMAGE},
}
_GOOD: Final = {
    "type": "object",
    "required": [key for key in _DESCRIPTION if key != "source"],
    "properties": _DESCRIPTION,
    "additionalProperties": False,
}
_PROOF: Final = {
    "type": "object",
    "required": ["status", "at", "seconds"],
    "properties": {"status": _TEXT, "at": {"type": "number"}, "seconds": {"type": "number"}},
}
_FORM: Final = {
    "type": "object",
    "required": [
        "installation",
        "skill",
        "version",
        "inputs",
        "images",
        "releases",
        "objects",
        "requires",
        "created_namespace",
        "proofs",
        "outputs",
        "plan_digest",
        "complete",
        "created",
        "updated",
    ],
    "properties": {
        **_DESCRIPTION,
        "installation": _INSTALLATION,
        "skill": _NAME,
        "secret_inputs": {"type": "array", "items": _TEXT},
        "releases": {"type": "array", "items": _RELEASE},
        "objects": {"type": "array", "items": _REF},
        "uids": {"type": "array", "items": _REF},
        "leaving": {"type": "array", "items": _REF},
        "asked": {"type": "boolean"},
        "created_namespace": {"type": "boolean"},
        "complete": {"type": "boolean"},
        "proven": {"type": "boolean"},
        "proofs": {"type": "object", "additionalProperties": _PROOF},
        "good": {"anyOf": [_GOOD, {"type": "null"}]},
        "created": {"type": "number"},
        "updated": {"type": "number"},
    },
}
_CHECK: Final = Draft202012Validator(_FORM)


def fault_in(data: Mapping[str, Any]) -> str:
    """Say where a record is not of the form that this version reads; empty when it is.

    Keys that a newer version added are no fault.
    """
    errors = sorted(_CHECK.iter_errors(data), key=lambda each: each.json_path)
    if not errors:
        return ""
    where = errors[0].json_path.removeprefix("$").removeprefix(".") or "the record"
    return f"{where}: {errors[0].message[:120]}"
