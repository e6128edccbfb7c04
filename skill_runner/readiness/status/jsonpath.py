"""The part of kubectl's JSONPath that readiness rules need: fields, indexes, one equality filter.

`.status.phase`, `{.status.conditions[?(@.type=="Ready")].status}`, `.items[0].name`,
`.metadata.labels['a.b/c']`. Reference: kubernetes.io/docs/reference/kubectl/jsonpath.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_STEP: Final = re.compile(
    r"""\.(?P<field>(?:[^.\[\]\\\s]|\\.)+)
      | \[(?P<index>-?\d+|\*)\]
      | \['(?P<key>[^']+)'\]
      | \[\?\(@\.(?P<name>[A-Za-z0-9_]+)\s*==\s*["']?(?P<value>[^"')]*)["']?\)\]""",
    re.VERBOSE,
)


class JsonPathError(ValueError):
    """The expression is not one that readiness rules know."""


def parse_path(expression: str) -> tuple[re.Match[str], ...]:
    """The steps of an expression. JsonPathError where it is not one."""
    text = expression.strip().removeprefix("{").removesuffix("}").strip().removeprefix("$")
    if not text.startswith((".", "[")):
        text = "." + text
    steps, position = [], 0
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None or step.end() == position:
            raise JsonPathError(
                f"{expression!r} is no JSONPath here: expected fields, [index], ['key'] "
                'or [?(@.name=="value")]'
            )
        steps.append(step)
        position = step.end()
    return tuple(steps)


def find_value(obj: Any, expression: str) -> Any:
    """The value that the expression finds, or None. `*` gives a list."""
    values = [obj]
    many = False
    for step in parse_path(expression):
        many = many or step["index"] == "*"
        values = [found for value in values for found in _take(value, step)]
    if many:
        return values
    return values[0] if values else None


def _take(value: Any, step: re.Match[str]) -> list[Any]:
    if (key := step["field"] or step["key"]) is not None and step["index"] is None:
        key = key.replace("\\.", ".")
        return [value[key]] if isinstance(value, Mapping) and value.get(key) is not None else []
    if not isinstance(value, list):
        return []
    if step["index"] == "*":
        return list(value)
    if step["index"] is not None:
        index = int(step["index"])
        return [value[index]] if -len(value) <= index < len(value) else []
    name, wanted = step["name"], step["value"]
    return [v for v in value if isinstance(v, Mapping) and str(v.get(name)) == wanted]
