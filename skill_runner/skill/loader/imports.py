"""The imports of hooks.py: of this package only `skill_runner.hooks`, and only its public names.

They are read, never run. Every other module may change with any release.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from skill_runner.skill.suggest import did_you_mean

PACKAGE: Final = "skill_runner"
SURFACE: Final = f"{PACKAGE}.hooks"


@dataclass(frozen=True, slots=True)
class _Import:
    """One module of this package that a statement names, and the names that it takes from it."""

    line: int
    module: str
    names: tuple[str, ...] = ()


@cache
def public_names() -> tuple[str, ...]:
    """Return the names of `skill_runner.hooks`, from its source: the loader stands below it."""
    text = files(PACKAGE).joinpath("hooks/__init__.py").read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return tuple(names)
    raise AssertionError(f"{SURFACE} has no __all__")


def import_fault(tree: ast.Module) -> tuple[int, str] | None:
    """Return one line and message for all imports that a skill may not have; None without any."""
    found = sorted(_imports(tree), key=lambda each: each.line)
    foreign = [each for each in found if each.module != SURFACE]
    unknown = _unknown(each for each in found if each.module == SURFACE)
    if not foreign and not unknown:
        return None
    if not foreign:
        mean = did_you_mean(unknown[0], public_names())
        return found[0].line, f"{SURFACE} has no {' and no '.join(map(repr, unknown))}{mean}"
    modules = ", ".join(dict.fromkeys(each.module for each in foreign))
    wanted = sorted({name for each in found for name in each.names} & {*public_names()})
    message = f"a skill imports only {SURFACE}, not {modules}: write `from {SURFACE} import "
    message += f"{', '.join(wanted) or '…'}`"
    if missing := _unknown(found):
        message += f"; it has no {' and no '.join(map(repr, missing))}"
    return foreign[0].line, message


def _imports(tree: ast.Module) -> Iterator[_Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _is_ours(alias.name):
                    yield _Import(node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom) and not node.level and _is_ours(node.module or ""):
            names = tuple(alias.name for alias in node.names)
            if node.module == PACKAGE:  # from skill_runner import hooks
                yield from (_Import(node.lineno, f"{PACKAGE}.{name}") for name in names)
            else:
                yield _Import(node.lineno, str(node.module), names)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == PACKAGE


def _unknown(found: Iterable[_Import]) -> list[str]:
    """The names that the surface does not have."""
    names = {name for each in found for name in each.names}
    return sorted(names - {*public_names(), "*"})
