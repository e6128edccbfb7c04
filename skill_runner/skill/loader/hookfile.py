"""hooks.py read without running it: its functions, its imports, and where it is no Python."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skill_runner.skill.loader.imports import import_fault
from skill_runner.skill.yaml_source import Mark


class HookFault(ValueError):
    """hooks.py cannot be read; `mark` says where."""

    def __init__(self, mark: Mark, message: str) -> None:
        super().__init__(message)
        self.mark = mark
        self.message = message


@dataclass(frozen=True, slots=True)
class Hook:
    """One name of hooks.py. `fault` says why it cannot be called as a hook, which takes `ctx`.

    `says` is the first paragraph of its docstring, on one line.
    """

    line: int
    fault: str = ""
    says: str = ""


@dataclass(frozen=True, slots=True)
class HookFile:
    """The names that hooks.py defines at its top level; `fault` says what it may not import."""

    hooks: Mapping[str, Hook] = field(default_factory=dict)
    fault: HookFault | None = None


def read_hooks(path: Path) -> HookFile:
    """Read hooks.py; empty when there is no such file. HookFault when it is no Python."""
    if not path.is_file():
        return HookFile()
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        mark = Mark(error.lineno or 1, error.offset or 1)
        raise HookFault(mark, f"not Python: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise HookFault(Mark(1, 1), f"not Python: {error}") from None
    fault = import_fault(tree)
    return HookFile(
        {name: hook for node in tree.body for name, hook in _names(node).items()},
        HookFault(Mark(fault[0], 1), fault[1]) if fault else None,
    )


def _names(node: ast.stmt) -> Mapping[str, Hook]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        says = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
        return {node.name: Hook(node.lineno, _arity(node), says)}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name: Hook(node.lineno) for alias in node.names}
    if isinstance(node, ast.Assign):
        targets = [target.id for target in node.targets if isinstance(target, ast.Name)]
        return {name: Hook(node.lineno) for name in targets}
    return {}


def _arity(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    arguments = node.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    needed = positional - len(arguments.defaults)
    named = sum(1 for default in arguments.kw_defaults if default is None)
    if (positional >= 1 or arguments.vararg) and needed <= 1 and not named:
        return ""
    return f"{node.name} must take one argument, the Context: def {node.name}(ctx)"
