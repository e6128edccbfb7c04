"""Secret values leave no trace, in any encoding."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skill_runner.text.redact import MARK, Redactor, strip_control

SECRET = 'p@ss/wörd "x"+1'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
    ],
)
def test_every_encoding_is_found(form: str) -> None:
    assert Redactor([SECRET]).text(f"before {form} after") == f"before {MARK} after"


@given(prefix=st.binary(max_size=8), suffix=st.binary(max_size=8))
def test_it_is_found_inside_longer_base64(prefix: bytes, suffix: bytes) -> None:
    secret = "correct-horse-battery-staple"
    text = base64.b64encode(prefix + secret.encode() + suffix).decode()
    left = Redactor([secret]).text(text)
    assert MARK in left
    assert len(left.replace(MARK, "")) <= len(base64.b64encode(prefix + suffix)) + 4


def test_structures_are_redacted_with_their_keys() -> None:
    data = {"a": [SECRET, 1, None], SECRET: {"b": f"x{SECRET}"}}
    assert SECRET not in json.dumps(Redactor([SECRET]).data(data), ensure_ascii=False)


def test_a_longer_secret_is_not_left_in_pieces() -> None:
    assert Redactor(["abcd", "abcdefgh"]).text("abcdefgh") == MARK


def test_short_values_do_not_eat_words() -> None:
    assert Redactor(["a", ""]).text("a cat") == "a cat"


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("a\x00b\x08c\rd", "abcd"),
        ("left\u202eright", "leftright"),
        ("kept\ttab\nline", "kept\ttab\nline"),
    ],
)
def test_control_characters_go(dirty: str, clean: str) -> None:
    assert strip_control(dirty) == clean


def test_the_password_of_a_uri_is_a_secret_of_its_own() -> None:
    redactor = Redactor(["postgresql://app:hunter%2222@db.example.org/d"])
    assert redactor.text('user app, password hunter"22') == "user app, password (redacted)"
    assert redactor.text("hunter%2222") == "(redacted)"
    assert redactor.text("db.example.org") == "db.example.org"
