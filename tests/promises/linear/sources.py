"""Every regular expression of ours, by the place that has it: from the syntax trees of the sources,
and from what is compiled when a module is loaded."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import skill_runner
from tests.support.paths import ROOT

_CALLS: Final = frozenset(
    {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
)
ALL: Final = frozenset({"search", "fullmatch", "finditer"})
_FLAGS: Final = {
    name: getattr(re, name)
    for name in ("I", "IGNORECASE", "M", "MULTILINE", "S", "DOTALL", "A", "ASCII", "X", "VERBOSE")
}


@dataclass(frozen=True, slots=True)
class Found:
    """A pattern, where it is, and the methods by which it is matched."""

    where: str
    pattern: str
    flags: int
    methods: frozenset[str]


def files() -> list[Path]:
    """Every Python file that runs on a caller's machine or in a pod of ours."""
    places = ("skill_runner", "skills", "templates", "scripts")
    return sorted(p for place in places for p in (ROOT / place).rglob("*.py"))


def literal_patterns(path: Path) -> tuple[list[Found], list[str]]:
    """Patterns that stand in the source, and the places of those that are put together there."""
    found: list[Found] = []
    made: list[str] = []
    where = str(path.relative_to(ROOT))
    for node in ast.walk(ast.parse(path.read_text())):
        if not (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr in _CALLS
        ):
            continue
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            if node.func.attr != "compile":  # those are asked for by the name that they get
                method = frozenset({node.func.attr})
                found.append(Found(f"{where}:{node.lineno}", first.value, _flags_of(node), method))
        else:
            made.append(f"{where}: {ast.unparse(first)}")
    return found, made


def _flags_of(call: ast.Call) -> int:
    flags = 0
    for part in (*call.args[1:], *(k.value for k in call.keywords)):
        for node in ast.walk(part):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                flags |= int(_FLAGS.get(node.attr, 0)) if node.value.id == "re" else 0
    return flags


def methods_by_name() -> dict[str, set[str]]:
    """What is called on each name anywhere: `ANSI.sub(…)`, `redact.CONTROL.sub(…)`."""
    found: dict[str, set[str]] = {}
    for path in files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in _CALLS:
                held = node.value
                name = getattr(held, "attr", None) or getattr(held, "id", None)
                if name:
                    found.setdefault(name, set()).add(node.attr)
    return found


def loaded_patterns() -> Iterator[Found]:
    """Compiled patterns among the values of every module, also inside tuples and mappings; one
    whose use is not found by its name is held to every method."""
    used = methods_by_name()
    base = Path(skill_runner.__file__).parent
    for path in sorted(base.rglob("*.py")):
        name = ".".join(("skill_runner", *path.relative_to(base).with_suffix("").parts))
        name = name.removesuffix(".__init__")
        if name.endswith("__main__"):
            continue
        for key, value in vars(importlib.import_module(name)).items():
            for pattern in _inside(value):
                methods = frozenset(used.get(key, ())) or ALL
                flags = int(pattern.flags & ~re.UNICODE)
                yield Found(f"{name}.{key}", pattern.pattern, flags, methods)


def _inside(value: Any) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _inside(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _inside(item)
