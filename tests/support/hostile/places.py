"""The places in an input where a text may be, and how one is put there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

Path = tuple[str | int, ...]


def positions(schema: Mapping[str, Any], here: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in an input of this schema where a text may be; a key is the path of `<key>`.

    `here` is what the base has: its own items and keys are places as well.
    """
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "string" in kinds:
        yield path
    if "array" in kinds:
        for index in range(max(1, len(here or ()))):
            inner = here[index] if here else None
            yield from positions(schema.get("items", {"type": "string"}), inner, (*path, index))
    if "object" in kinds:
        known = here if isinstance(here, Mapping) else {}
        for name, each in schema.get("properties", {}).items():
            yield from positions(each, known.get(name), (*path, name))
        if schema.get("additionalProperties", True) is not False:
            yield (*path, "<key>")
            anything = {"type": "string"}
            each = schema.get("additionalProperties", anything)
            each = each if isinstance(each, Mapping) else anything
            for name in [*known] or ["a"]:
                yield from positions(each, known.get(name), (*path, name))


def with_text(inputs: Mapping[str, Any], path: Path, text: str) -> dict[str, Any]:
    """The inputs with a text at one place, and what is needed around it."""
    result = deepcopy(dict(inputs))
    container: Any = result
    for index, part in enumerate(path[:-1]):
        empty: Any = [] if isinstance(path[index + 1], int) else {}
        container = _step(container, part, empty)
    last = path[-1]
    if last == "<key>":
        for key in [*container]:
            container[text] = container.pop(key)
        if not container:
            container[text] = "a"
    elif isinstance(container, list):
        _step(container, last, text)
        container[int(last)] = text
    else:
        container[last] = text
    return result


def _step(container: Any, part: str | int, empty: Any) -> Any:
    if isinstance(container, list):
        if not container:
            container.append(empty)
        return container[int(part)]
    if not isinstance(container.get(part), list | dict):  # also a text where either may be
        container[part] = empty
    return container[part]
