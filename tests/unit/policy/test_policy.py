"""Manifests → violations; a case is a file in cases/."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from skill_runner.policy import RULES, check, rule_names
from skill_runner.policy.exceptions import PolicyException
from skill_runner.policy.images import repository

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


@pytest.mark.parametrize("file", CASES, ids=[file.stem for file in CASES])
def test_policy(file: Path) -> None:
    case = yaml.safe_load(file.read_text())
    violations = check(
        case["manifests"],
        exceptions=[PolicyException(**each) for each in case.get("exceptions", ())],
        default_namespace=case.get("default_namespace", "apps"),
    )
    assert [[v.rule, v.resource, v.message] for v in violations] == case["violations"]
    assert all(v.remedy for v in violations)


def test_every_rule_has_a_case_that_breaks_it() -> None:
    broken = {v[0] for file in CASES for v in yaml.safe_load(file.read_text())["violations"]}
    assert broken == set(rule_names())


def test_every_rule_says_why_and_what_to_do() -> None:
    for rule in RULES:
        assert rule.asks.endswith(".")
        assert rule.why.endswith(".")
        assert rule.remedy.rstrip(".") != ""


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("nginx:1", "docker.io/library/nginx"),
        ("apache/kafka:4", "docker.io/apache/kafka"),
        ("ghcr.io/a/b:1", "ghcr.io/a/b"),
        ("localhost:5000/a/b", "localhost:5000/a/b"),
        ("localhost/a:1", "localhost/a"),
        ("index.docker.io/a/b", "docker.io/a/b"),
        ("a/UPPER", None),
        ("", None),
        ("a b", None),
    ],
)
def test_repositories(reference: str, expected: str | None) -> None:
    assert repository(reference) == expected
