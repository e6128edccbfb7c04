"""A skill as what a caller wants to know of it."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.actions.describe import describe, type_of
from skill_runner.skill.loader import load_skill
from tests.support.paths import ECHO


def test_effects_are_sentences_in_order() -> None:
    assert describe(load_skill(ECHO))["effects"] == [
        "installs a Helm release (chart/)",
        "applies the objects of manifests/pages.yaml.j2, when pages | length > 0",
        "seed: Nothing, here",
    ]


def test_undoing_says_what_stays() -> None:
    undo = describe(load_skill(ECHO))["undo"]
    assert "skill remove echo" in undo
    assert "--purge" in undo


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"enum": [1, 3]}, "1 | 3"),
        ({"enum": ["a", "b"]}, "a | b"),
        ({"type": "string"}, "string"),
        ({"type": "integer", "minimum": 1, "maximum": 5}, "integer 1…5"),
        ({"type": "integer", "minimum": 0}, "integer ≥ 0"),
        ({"type": "number", "maximum": 1}, "number ≤ 1"),
        ({"type": "array", "items": {"type": "string"}}, "list of string"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"const": 1}, "any"),
    ],
)
def test_types_are_short(schema: dict[str, Any], text: str) -> None:
    assert type_of(schema) == text


def test_permissions_name_what_charts_and_manifests_hold() -> None:
    wanted = describe(load_skill(ECHO))["permissions"]
    assert wanted["create get list watch patch delete"] == ["v1 ConfigMap"]
    assert "coordination.k8s.io/v1 Lease" in wanted["create get list update patch delete"]
