"""A pattern → the texts that are worst for a backtracking engine: much of what its repeats take,
much of what leads to each of them, and something at the end that does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

SIZE: Final = 1_000_000  # characters
_REPEATS: Final = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": "0",
    "CATEGORY_SPACE": " ",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_NOT_WORD": "-",
}
_TAIL: Final = "\x00\n"


def attacks(pattern: str, flags: int) -> Iterator[str]:
    """Texts of SIZE characters, each once."""
    seen: set[str] = set()
    for unit in ("a", " ", "0", "\n", *_units(_parser.parse(pattern, flags), "")):
        if not unit or unit in seen:
            continue
        seen.add(unit)
        yield unit * (SIZE // len(unit)) + _TAIL


def _units(tree: Any, before: str) -> Iterator[str]:
    """For each repeat: what it takes, what led to it once and then what it takes, and both again
    and again."""
    for kind, argument in tree:
        name = str(kind)
        if name in _REPEATS:
            low, _high, inner = argument
            for taken in (_sample(inner, 0), _sample(inner, 1)):
                yield taken
                yield before + taken * max(1, low)
                yield before
            yield from _units(inner, before)
        elif name == "SUBPATTERN":
            yield from _units(argument[3], before)
        elif name == "ATOMIC_GROUP":
            yield from _units(argument, before)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _units(branch, before)
        before += _sample([(kind, argument)], 0)
    yield before


def _sample(tree: Any, pick: int) -> str:
    """The shortest text that a pattern takes; `pick` chooses among a class's characters."""
    out = ""
    for kind, argument in tree:
        match str(kind):
            case "LITERAL":
                out += chr(argument)
            case "NOT_LITERAL":
                out += "a" if argument != ord("a") else "b"
            case "ANY":
                out += "a"
            case "IN":
                out += _of_class(argument, pick)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                out += _sample(argument[2], pick) * max(argument[0], 1)
            case "SUBPATTERN":
                out += _sample(argument[3], pick)
            case "ATOMIC_GROUP":
                out += _sample(argument, pick)
            case "BRANCH":
                branches = argument[1]
                out += _sample(branches[pick % len(branches)], pick)
    return out


def _of_class(items: Any, pick: int) -> str:
    compiled = set()
    negated = str(items[0][0]) == "NEGATE"
    for kind, argument in items[1:] if negated else items:
        match str(kind):
            case "LITERAL":
                compiled.add(chr(argument))
            case "RANGE":
                compiled |= {chr(argument[0]), chr(argument[1])}
            case "CATEGORY":
                compiled.add(_CATEGORIES[str(argument)])
    if negated:
        free = [c for c in "ax0 -_/:.\n" if c not in compiled]
        return free[pick % len(free)]
    ordered = sorted(compiled)
    return ordered[-1 if pick else 0]
