from __future__ import annotations

from typing import Any

import pytest

from skill_runner.readiness.status.jsonpath import JsonPathError, find_value, parse_path

OBJECT = {
    "status": {
        "phase": "Up",
        "conditions": [{"type": "A", "status": "x"}, {"type": "B", "status": "y"}],
        "zero": 0,
        "no": False,
    },
    "metadata": {"labels": {"a.b/c": "v"}},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".status.phase", "Up"),
        ("status.phase", "Up"),
        ("{.status.phase}", "Up"),
        ("$.status.phase", "Up"),
        (".status.conditions[1].status", "y"),
        (".status.conditions[-1].type", "B"),
        (".status.conditions[9].type", None),
        ('.status.conditions[?(@.type=="B")].status', "y"),
        (".status.conditions[?(@.type=='C')].status", None),
        (".status.conditions[*].type", ["A", "B"]),
        (".metadata.labels['a.b/c']", "v"),
        (r".metadata.labels.a\.b/c", "v"),
        (".status.zero", 0),
        (".status.no", False),
        (".nothing.here", None),
    ],
)
def test_find(path: str, value: Any) -> None:
    assert find_value(OBJECT, path) == value


@pytest.mark.parametrize("path", [".a[", ".a[?(@.b>1)]", "a b", ".a..b"])
def test_what_is_not_known_is_said(path: str) -> None:
    with pytest.raises(JsonPathError, match="expected fields"):
        parse_path(path)
