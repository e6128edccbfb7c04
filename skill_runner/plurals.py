"""A kind's resource, as it is named in paths and in roles, where no server can be asked."""

from __future__ import annotations

from typing import Final

_IRREGULAR: Final = {"Endpoints": "endpoints"}


def plural_of(kind: str) -> str:
    """The usual plural of a kind: pods, ingresses, networkpolicies, gateways."""
    if kind in _IRREGULAR:
        return _IRREGULAR[kind]
    word = kind.lower()
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"
