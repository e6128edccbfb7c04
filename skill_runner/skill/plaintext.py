"""Refuse control characters in the texts of inputs, unless an input's schema allows several lines.

A line break, an escape or a Unicode line separator in a name, an image or a setting is a mistake or
an attack. An input whose schema says `multiline: true` takes tabs and line breaks, nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from skill_runner.skill.schema import Fault, faults
from skill_runner.skill.yaml_source import Path

MULTILINE: Final = "multiline"  # the keyword of an input's schema
RULE: Final = "controlCharacters"
MAX_KEY: Final = 512  # Helm's reader of YAML takes no more than 1,024, escapes included
# C0, DEL, C1 with NEL, the line and paragraph separators, lone surrogates, noncharacters, BOM.
_ALWAYS: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"
_REFUSED: Final = re.compile(f"[{_ALWAYS}\t\n\r]")
_REFUSED_IN_LINES: Final = re.compile(f"[{_ALWAYS}]")
_PUBLISHED: Final = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
_PUBLISHED_LINES: Final = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029]*$"
_NAMES: Final = {"\n": "a line break", "\r": "a carriage return", "\t": "a tab"}


def input_faults(
    value: Any, schema: Mapping[str, Any], *, hidden: bool = False
) -> tuple[Fault, ...]:
    """Every difference between an input's value and its schema, control characters included."""
    return (*faults(value, schema, hidden=hidden), *_walk(value, schema, (), False))


def published(schema: Mapping[str, Any], lines: bool = False) -> dict[str, Any]:
    """The schema for other readers of JSON Schema: a text without a pattern gets one that refuses
    control characters, since `multiline` is a word of ours."""
    lines = lines or is_multiline(schema)
    result = dict(schema)
    if result.get("type") == "string" and not {"pattern", "enum", "const"} & result.keys():
        result["pattern"] = _PUBLISHED_LINES if lines else _PUBLISHED
    for key in ("items", "additionalProperties"):
        if isinstance(result.get(key), Mapping):
            result[key] = published(result[key], lines)
    if isinstance(result.get("properties"), Mapping):
        properties = result["properties"].items()
        result["properties"] = {
            name: published(each, lines) if isinstance(each, Mapping) else each
            for name, each in properties
        }
    return result


def is_multiline(schema: Mapping[str, Any]) -> bool:
    """Tell whether a text of this schema may hold tabs and line breaks."""
    return schema.get(MULTILINE) is True


def _walk(value: Any, schema: Any, path: Path, lines: bool) -> Iterator[Fault]:
    """`lines` when an enclosing schema allows several lines."""
    known: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
    lines = lines or is_multiline(known)
    if isinstance(value, str):
        yield from _faults_in(value, path, lines, "")
    elif isinstance(value, Mapping):
        properties = known.get("properties") or {}
        for key, item in value.items():
            yield from _faults_in(str(key), path, False, "a key of it ")
            if len(str(key)) > MAX_KEY:
                yield Fault(path, f"has a key of more than {MAX_KEY} characters", RULE)
            within = properties.get(key, known.get("additionalProperties"))
            yield from _walk(item, within, (*path, key), lines)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _walk(item, known.get("items"), (*path, index), lines)


def _faults_in(text: str, path: Path, lines: bool, what: str) -> Iterator[Fault]:
    found = (_REFUSED_IN_LINES if lines else _REFUSED).search(text)
    if found is None:
        return
    character = _NAMES.get(found[0], f"the control character U+{ord(found[0]):04X}")
    at = f"at position {found.start() + 1}"
    expected = "text without control characters" if lines else "plain text on one line"
    yield Fault(path, f"{what}holds {character} {at}; expected {expected}", RULE)
