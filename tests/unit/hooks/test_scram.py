"""Verifiers as PostgreSQL keeps them."""

from __future__ import annotations

from skill_runner.hooks.scram import fits, make_verifier

# RFC 7677, section 3: the password "pencil" with this salt and 4096 iterations
PENCIL = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)


def test_verifiers_are_those_of_the_rfc() -> None:
    assert fits("pencil", PENCIL)
    assert not fits("pen", PENCIL)
    assert not fits("pencil", "md5a3556571e93b0d20722ba62be61e8c2d")


def test_each_has_a_salt_of_its_own() -> None:
    assert fits("s3cret", make_verifier("s3cret"))
    assert make_verifier("s3cret") != make_verifier("s3cret")
