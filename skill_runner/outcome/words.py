"""Values of an outcome in words, for people."""

from __future__ import annotations

from collections.abc import Mapping


def words_of(value: object) -> str:
    """An output as one line: lists by commas, and a reference as the Secret and key it names."""
    match value:
        case list() | tuple():
            return ", ".join(map(words_of, value))
        case {"secretKeyRef": {"namespace": space, "name": name, "key": key}}:
            return f"key {key} of Secret {space}/{name}"
        case Mapping():
            return ", ".join(f"{key}={words_of(each)}" for key, each in value.items())
    return str(value)
