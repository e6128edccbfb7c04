"""Patterns that others write: linear, or refused with a reason."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skill_runner.errors import UsageError
from skill_runner.images.apps.ignore import compile_rules
from skill_runner.skill.schema import faults
from skill_runner.text.patterns import LONGEST, PatternError, compile_pattern, matches, quoted

# Each keeps a backtracking engine busy for longer than a life.
HOSTILE = [
    ("(a+)+$", "a" * 100_000 + "!"),
    ("^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 100_000),
    ("(x+x+)+y", "x" * 100_000),
    (r"^(\w+\s?)*$", "word " * 20_000 + "\x00"),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("pattern", "text"), HOSTILE)
def test_a_pattern_of_a_caller_ends(pattern: str, text: str) -> None:
    assert not matches(pattern, text)
    schema = {"type": "string", "pattern": pattern}
    assert [fault.rule for fault in faults(text, schema)] == ["pattern"]


@pytest.mark.timeout(60)
def test_a_line_of_an_ignore_file_ends() -> None:
    rules = compile_rules(["*a" * 30 + "b"])
    assert not rules.leaves_out("a" * 4000)


def test_a_line_of_an_ignore_file_that_is_no_pattern_is_named() -> None:
    with pytest.raises(UsageError, match=r"'\[z-a\]' is no pattern"):
        compile_rules(["[z-a]"])


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("^(?!postgres$)", "lookahead and lookbehind are not supported"),
        ("(?<=a)b", "lookahead and lookbehind are not supported"),
        (r"(a)\1", r"invalid escape sequence: \1"),
        ("[a-", "missing ]"),
        ("a{1,1001}", "at most 1000 repetitions"),
        ("a" * (LONGEST + 1), "at most 1000 are allowed"),
        ("(((a{1,100}){1,100}){1,100}){1,100}", "repetition"),
        ("\ud800", "surrogates"),
    ],
)
def test_a_pattern_that_cannot_be_linear_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert why in str(caught.value)


def test_the_end_is_the_very_end() -> None:
    assert matches("^a$", "a")
    assert not matches("^a$", "a\n")


@given(st.text())
def test_a_quoted_text_matches_itself(text: str) -> None:
    if len(quoted(text)) <= LONGEST:
        assert compile_pattern(quoted(text)).fullmatch(text)


def test_half_a_surrogate_pair_in_a_value_is_read() -> None:
    assert matches("^.$", "\ud800")


def test_a_text_that_becomes_a_pattern_is_held_to_the_syntax() -> None:
    schema = {"type": "string", "format": "regex"}
    assert not faults("learnflow[.][a-z]+", schema)
    assert "must be a regular expression" in faults("(?=a)", schema)[0].message
    assert re.search("got .*a", faults("(a", schema)[0].message)


@pytest.mark.parametrize(
    ("value", "says"),
    [("postgres", 'must not be "postgres" or match ^pg_'), ("pg_x", "or match ^pg_"), ("app", "")],
)
def test_what_a_value_must_not_be_is_said(value: str, says: str) -> None:
    schema = {"type": "string", "not": {"anyOf": [{"const": "postgres"}, {"pattern": "^pg_"}]}}
    assert says in " ".join(fault.message for fault in faults(value, schema))
    assert bool(faults(value, schema)) is bool(says)
