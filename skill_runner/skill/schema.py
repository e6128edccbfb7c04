"""A value against a JSON Schema (2020-12): every difference as a sentence for people.

Two readers share it: the loader for skill.yaml, `inputs` for what a caller gives.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import SchemaError, ValidationError

from skill_runner.skill.suggest import did_you_mean, nearest
from skill_runner.skill.yaml_source import Path
from skill_runner.text.patterns import PatternError, compile_pattern, matches

_SHOWN: Final = 60
_READABLE: Final = 60  # characters of a regular expression that a message repeats

_Error = Any  # jsonschema's ValidationError, whose every field is typed as perhaps unset

_KINDS: Final[Mapping[str, str]] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One difference: where in the value, what was wrong and expected; `rule` is the keyword."""

    path: Path
    message: str
    rule: str


def faults(value: Any, schema: Mapping[str, Any], *, hidden: bool = False) -> tuple[Fault, ...]:
    """Every difference between `value` and `schema`; `hidden` keeps the value out of messages."""
    errors = _Validator(schema).iter_errors(value)
    found = [fault for error in errors for fault in _explain(error, hidden)]
    return tuple(sorted(found, key=lambda fault: [str(part) for part in fault.path]))


def schema_fault(schema: Mapping[str, Any]) -> str | None:
    """Say why `schema` is no JSON Schema; None when it is one."""
    for keyword, value in _keywords(schema):
        if keyword == "patternProperties":
            return "patternProperties is not supported; use propertyNames with a pattern"
        try:
            compile_pattern(value)
        except PatternError as error:
            return f"the pattern {shown(value)} cannot be used: {error}"
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        where = ".".join(str(part) for part in error.absolute_path)
        return f"{where}: {error.message}" if where else error.message
    return None


def shown(value: Any) -> str:
    """A value for a message: as JSON, cut to one short line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _pattern(
    validator: Any, pattern: str, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not matches(pattern, instance):
        yield ValidationError("pattern")


def _format(
    validator: Any, format_: str, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """`regex` is held to, since such a text becomes a pattern of ours; other formats inform."""
    if format_ == "regex" and validator.is_type(instance, "string"):
        try:
            compile_pattern(instance)
        except PatternError as error:
            yield ValidationError(str(error))


_Validator: Final = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern, "format": _format}
)


def _keywords(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every `pattern` and `patternProperties` in a schema; values are data and are passed over."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "patternProperties" or (key == "pattern" and isinstance(value, str)):
                yield key, value
            elif key not in ("default", "const", "enum", "examples"):
                yield from _keywords(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _keywords(value)


def _explain(error: _Error, hidden: bool) -> Iterator[Fault]:
    path: Path = tuple(error.absolute_path)
    rule = str(error.validator)
    got = "a hidden value" if hidden else shown(error.instance)
    if "propertyNames" in error.absolute_schema_path:
        name = str(error.instance)
        yield Fault((*path, name), f"the name {got} {_hint(error, 'is not allowed')}", rule)
    elif rule in ("additionalProperties", "unevaluatedProperties"):
        known = list(error.schema.get("properties", ()))
        for name in (name for name in error.instance if name not in known):
            mean = did_you_mean(str(name), known, known="known here")
            yield Fault((*path, str(name)), f"unknown key '{name}'{mean}", rule)
    elif rule == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        for name in missing:
            if f"'{name}'" in error.message:  # one error comes for each missing name
                yield Fault(path, f"'{name}' is missing", rule)
    elif rule in _SENTENCES:
        yield Fault(path, f"{_SENTENCES[rule](error)}; got {got}{_near(error, hidden)}", rule)
    else:
        yield Fault(path, _hint(error, f"does not conform; got {got}"), rule)


def _hint(error: _Error, otherwise: str) -> str:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    if error.validator == "pattern":
        pattern, text = str(error.validator_value), str(schema.get("x-message", ""))
        if text and len(pattern) > _READABLE:
            return f"must be {text}"
        return f"must match {pattern}{_described(schema)}"
    return str(schema.get("x-message", otherwise))


def _described(schema: Mapping[str, Any]) -> str:
    text = str(schema.get("x-message", ""))
    return f" ({text})" if text else ""


def _type(error: _Error) -> str:
    wanted = error.validator_value
    kinds = [wanted] if isinstance(wanted, str) else list(wanted)
    return "expected " + " or ".join(_KINDS.get(kind, kind) for kind in kinds)


def _enum(error: _Error) -> str:
    return "must be one of " + ", ".join(shown(choice) for choice in error.validator_value)


def _described_schema(schema: Mapping[str, Any]) -> str:
    """Say what a schema of few words asks for, after "must" or "must not"."""
    if "enum" in schema:
        return "be " + " or ".join(shown(choice) for choice in schema["enum"])
    if "const" in schema:
        return f"be {shown(schema['const'])}"
    if "pattern" in schema:
        return f"match {schema['pattern']}"
    if "required" in schema:
        return f"have {' and '.join(schema['required'])} together"
    parts = schema.get("anyOf")
    return " or ".join(map(_described_schema, parts)) if parts else f"conform to {shown(schema)}"


def _near(error: _Error, hidden: bool) -> str:
    if error.validator != "enum" or hidden:
        return ""
    texts = [choice for choice in error.validator_value if isinstance(choice, str)]
    return nearest(str(error.instance), texts)


_SENTENCES: Final[Mapping[str, Callable[[_Error], str]]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda e: f"must be {shown(e.validator_value)}",
    "not": lambda e: f"must not {_described_schema(e.validator_value)}",
    "pattern": lambda e: _hint(e, ""),
    "format": lambda e: f"must be a regular expression: {e.message}",
    "minimum": lambda e: f"must be at least {e.validator_value}",
    "maximum": lambda e: f"must be at most {e.validator_value}",
    "exclusiveMinimum": lambda e: f"must be more than {e.validator_value}",
    "exclusiveMaximum": lambda e: f"must be less than {e.validator_value}",
    "multipleOf": lambda e: f"must be a multiple of {e.validator_value}",
    "minLength": lambda e: f"must have at least {e.validator_value} characters",
    "maxLength": lambda e: f"must have at most {e.validator_value} characters",
    "minItems": lambda e: f"must have at least {e.validator_value} items",
    "maxItems": lambda e: f"must have at most {e.validator_value} items",
    "uniqueItems": lambda e: "must not hold the same item twice",
    "minProperties": lambda e: f"must have at least {e.validator_value} keys",
    "maxProperties": lambda e: f"must have at most {e.validator_value} keys",
}
