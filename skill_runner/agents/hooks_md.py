"""`skill_runner.hooks` as a page: each name with its signature, its docstring and its example."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from textwrap import dedent
from types import ModuleType
from typing import Any, Final

from skill_runner import hooks

WIDTH: Final = 100
_FIRST: Final = ("context", "errors", "objects")  # the modules that every hook meets first


def hooks_markdown(title: str) -> str:
    """Return the page, below a title line (and what stands with it)."""
    parts = [title, inspect.getdoc(hooks) or ""]
    for module, names in _by_module().items():
        parts.append(f"## {module.__name__.rpartition('.')[2].capitalize()}")
        parts.append(inspect.getdoc(module) or "")
        for name in names:
            parts.extend(_entry(module, name))
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def example_of(function: Callable[..., Any]) -> str:
    """Return the example at the end of a docstring; empty without one."""
    return _parts(inspect.unwrap(function))[1]


def _by_module() -> dict[ModuleType, list[str]]:
    """The public names by the module that defines them."""
    found: dict[str, list[str]] = {}
    for node in ast.parse(inspect.getsource(hooks)).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            found.setdefault(node.module, []).extend(alias.name for alias in node.names)

    def order(name: str) -> tuple[int, str]:
        last = name.rpartition(".")[2]
        return (_FIRST.index(last) if last in _FIRST else len(_FIRST), last)

    return {import_module(name): sorted(found[name]) for name in sorted(found, key=order)}


def _entry(module: ModuleType, name: str) -> Iterator[str]:
    thing = inspect.unwrap(getattr(module, name))  # of a cache
    yield f"### {name}"
    if inspect.isfunction(thing):
        yield from _function(thing)
    elif inspect.isclass(thing) and thing.__module__.startswith("skill_runner"):
        yield from _class(thing)
    else:
        yield _comment(module, name)


def _function(function: Callable[..., Any], name: str = "") -> Iterator[str]:
    text, example = _parts(function)
    yield _code(_signature(function, name or function.__name__))
    yield text
    if example:
        yield _code(example)


def _class(cls: type) -> Iterator[str]:
    if is_dataclass(cls):
        lines = [f"{each.name}: {each.type}" for each in fields(cls)]
        yield _code("\n".join([f"class {cls.__name__}:", *(f"    {line}" for line in lines)]))
    elif "__init__" in vars(cls):
        init = vars(cls)["__init__"]
        yield _code(_signature(init, cls.__name__, without_self=True).removeprefix("def "))
    yield inspect.getdoc(cls) or ""
    for name, member in vars(cls).items():
        if isinstance(member, property) and not name.startswith("_"):
            yield f"#### {cls.__name__}.{name}"
            yield inspect.getdoc(member) or ""
        elif inspect.isfunction(member) and not name.startswith("_"):
            yield f"#### {cls.__name__}.{name}"
            yield from _function(member, name)


def _signature(function: Callable[..., Any], name: str, *, without_self: bool = False) -> str:
    signature = inspect.signature(function)
    if without_self:
        signature = signature.replace(
            parameters=list(signature.parameters.values())[1:],
            return_annotation=inspect.Signature.empty,
        )
    head = f"{'async ' if inspect.iscoroutinefunction(function) else ''}def {name}"
    text = f"{head}{signature}".replace("'", "")
    if len(text) <= WIDTH:
        return text
    tail = signature.return_annotation
    arguments = str(signature.replace(return_annotation=inspect.Signature.empty))[1:-1]
    lines = _split(arguments.replace("'", ""))
    return f"{head}(\n" + "".join(f"    {line},\n" for line in lines) + f") -> {tail}"


def _split(arguments: str) -> Iterator[str]:
    """The arguments one by one, at the commas outside of brackets."""
    depth, word = 0, ""
    for letter in arguments:
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and not depth:
            yield word.strip()
            word = ""
        else:
            word += letter
    yield word.strip()


def _parts(function: Callable[..., Any]) -> tuple[str, str]:
    """A docstring's text, and the example that its last paragraph is."""
    text = inspect.getdoc(function) or ""
    head, gap, last = text.rpartition("\n\n")
    if gap and (last.startswith("    ") or _is_code(last)):
        return head, dedent(last)
    return text, ""


def _is_code(text: str) -> bool:
    """Tell code from a sentence, which is no Python, or but a name."""
    try:
        return "(" in text and bool(ast.parse(text))
    except SyntaxError:
        return False


def _comment(module: ModuleType, name: str) -> str:
    """The comment above a constant, or at the end of its line."""
    lines = inspect.getsource(sys.modules[module.__name__]).splitlines()
    starts = (f"{name}:", f"{name} =")
    number = next((i for i, line in enumerate(lines) if line.startswith(starts)), None)
    if number is None:  # taken on from a library
        return inspect.getdoc(getattr(module, name)) or ""
    above: list[str] = []
    while lines[number - 1].startswith("# "):
        number -= 1
        above.insert(0, lines[number].removeprefix("# "))
    return " ".join(above) or lines[number].partition("  # ")[2]


def _code(text: str) -> str:
    return f"```python\n{text}\n```"
