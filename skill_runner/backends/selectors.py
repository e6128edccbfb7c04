"""Label and field selectors, as the API reads them."""

from __future__ import annotations

import re
from typing import Any

from skill_runner.errors import ApiError
from skill_runner.objects import Object

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<op>in|notin)\s+\((?P<values>[^)]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^=!\s]+)\s*(?P<op>=|==|!=)\s*(?P<value>[^=!]*)$")


def matches(obj: Object, labels: str | None, fields: str | None) -> bool:
    """Tell whether both selectors let the object through. ApiError 400 for one that cannot be
    read."""
    have = obj.get("metadata", {}).get("labels") or {}
    return all(_label(have, term) for term in _terms(labels)) and all(
        _field(obj, term) for term in _terms(fields)
    )


def _terms(selector: str | None) -> list[str]:
    """The terms between commas; those inside parentheses belong to a set."""
    terms, inside = [""], False
    for char in selector or "":
        inside = char == "(" or (inside and char != ")")
        if char == "," and not inside:
            terms.append("")
        else:
            terms[-1] += char
    return [term.strip() for term in terms if term.strip()]


def _label(have: dict[str, str], term: str) -> bool:
    if found := _SET.match(term):
        values = {value.strip() for value in found["values"].split(",")}
        inside = have.get(found["key"]) in values
        return inside if found["op"] == "in" else not inside
    if found := _EQUAL.match(term):
        same = have.get(found["key"]) == found["value"].strip()
        return same if found["op"] != "!=" else not same
    if re.fullmatch(r"!?[\w./-]+", term):
        return (term.lstrip("!") in have) is not term.startswith("!")
    raise ApiError(f"unable to parse the label selector {term!r}", status=400, reason="BadRequest")


def _field(obj: Object, term: str) -> bool:
    found = _EQUAL.match(term)
    if found is None:
        raise ApiError(f"invalid field selector {term!r}", status=400, reason="BadRequest")
    value: Any = obj
    for part in found["key"].split("."):
        value = value.get(part) if isinstance(value, dict) else None
    same = str(value if value is not None else "") == found["value"].strip()
    return same if found["op"] != "!=" else not same
