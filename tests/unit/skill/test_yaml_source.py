"""YAML as JSON has it: what values become, what is refused, and where."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.skill.yaml_source import Mark, YamlFault, read, read_one


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("22:30", "22:30"),
        ("2024-01-01", "2024-01-01"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("010", 10),
        ("0o17", 15),
        ("0xff", 255),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        ("9" * 40, "9" * 40),
        ("'12'", "12"),
        ('"true"', "true"),
        ("1.2.3", "1.2.3"),
        ("[a, 1]", ["a", 1]),
        ("{a: {b: }}", {"a": {"b": None}}),
        ("1: x\ntrue: y", {"1": "x", "true": "y"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
    ],
)
def test_values_are_those_of_the_core_schema(text: str, value: Any) -> None:
    assert read_one(text).data == value


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: !!python/object:os.x {}", "1:4", "the tag"),
        ("a: !x 1", "1:4", "the tag"),
        ("a: {<<: {b: 1}}", "1:5", "merge keys"),
        ("a: *b", "1:4", "no complete anchor"),
        ("a: &a [*a]", "1:8", "no complete anchor"),
        ("a: {{ x }}", "1:5", "in quotes"),
        ("[1]: 2", "1:1", "a key must be text"),
        ("a: b: c", "1:5", "quote text that holds ': '"),
        ("a:\n\tb: 1", "2:1", "indent with spaces"),
        ("a: [1", "2:1", "did not find expected ',' or ']'"),
        ("a: 1\n---\nb: 2", "3:1", "expected one document"),
        ("[" * 200, "1:65", "nested deeper than 64 levels"),
        ("a: \x00", "1:1", "control characters"),
        ("x" * 1_000_001, "1:1", "larger than 1,000,000 bytes"),
    ],
)
def test_what_is_not_allowed_is_named_with_its_place(text: str, place: str, message: str) -> None:
    with pytest.raises(YamlFault) as caught:
        read_one(text)
    assert str(caught.value).startswith(f"{place}: ")
    assert message in caught.value.message


def test_what_no_parser_would_hold_is_too_deep() -> None:
    with pytest.raises(YamlFault, match="nested deeper than 64 levels"):
        read_one("[" * 5000)


def test_places_are_known_for_every_value() -> None:
    document = read_one("a:\n  - b: 1\n  - {c: 2}\n")
    assert document.mark(("a",)) == Mark(1, 1)
    assert document.mark(("a", 0, "b")) == Mark(2, 5)
    assert document.mark(("a", 1, "c")) == Mark(3, 6)
    assert document.mark(("a", 1, "c", "deeper")) == Mark(3, 6)
    assert document.mark(("missing",)) == Mark(1, 1)


def test_a_key_twice_is_a_fault_that_names_both_lines() -> None:
    document = read_one("a: 1\nb: 2\na: 3\n")
    assert [str(fault) for fault in document.faults] == [
        "3:1: the key 'a' is there already (line 1)"
    ]


def test_documents_are_separate() -> None:
    assert [document.data for document in read("a: 1\n---\n---\nb: 2\n")] == [
        {"a": 1},
        None,
        {"b": 2},
    ]
