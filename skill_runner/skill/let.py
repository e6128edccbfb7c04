"""Names that skill.yaml defines once, with `let:`: in which order, and what stands for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from jinja2 import Environment, TemplateSyntaxError, nodes

_WHOLE: Final = re.compile(r"\s*\{\{(?:(?!\{\{|\}\}).)*\}\}\s*", re.DOTALL)


class Circle(ValueError):
    """Names that need each other; `names` begin and end with the same one."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(" → ".join(names))
        self.names = names


def in_order(let: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same names, each after those that it reads; Circle where there is no such order.

    What does not depend on each other stays in the order of the file.
    """
    reads = {name: sorted(names_read(value) & let.keys()) for name, value in let.items()}
    try:
        return {name: let[name] for name in TopologicalSorter(reads).static_order()}
    except CycleError as error:
        raise Circle(tuple(reversed(error.args[1]))) from None


def names_read(data: Any) -> set[str]:
    """Return the names that the templates in nested data read; none of one that does not parse."""
    found: set[str] = set()
    for template in _texts(data):
        try:
            tree = Environment(autoescape=False).parse(template)  # noqa: S701 - never rendered
        except TemplateSyntaxError:
            continue  # reported where templates are checked
        found |= {node.name for node in tree.find_all(nodes.Name) if node.ctx == "load"}
    return found


def expanded(expression: str, let: Mapping[str, Any]) -> str:
    """Return an expression with what stands for the names in it, for readers of it alone.

    A name of a text around a value, of a list or of a mapping stays as it is.
    """
    tokens = list(Environment(autoescape=False).lex("{{" + expression + "}}"))  # noqa: S701
    written, before = "", ""
    for _, kind, text in tokens[1:-1]:
        value = let.get(text) if kind == "name" and before != "." else None
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            inner = expanded(value.strip()[2:-2].strip(), let)
            written += inner if expression.strip() == text else f"({inner})"
        else:
            written += text
        before = text.strip() or before
    return written


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list):
        for item in data:
            yield from _texts(item)
