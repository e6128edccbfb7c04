"""Kubernetes quantities."""

from __future__ import annotations

from decimal import Decimal

import pytest

from skill_runner.quantity import parse_quantity, quantity_or_zero


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("250m", Decimal("0.25")),
        ("2", 2),
        (2, 2),
        ("1Gi", 2**30),
        ("1.5Mi", 3 * 2**19),
        ("1e3", 1000),
        ("2E2", 200),
        ("1E", 10**18),
        ("5k", 5000),
        ("128Mi", 2**27),
        ("0.5", 0.5),
    ],
)
def test_quantities(text: str | int, number: float | Decimal) -> None:
    assert parse_quantity(text) == float(number)
    assert quantity_or_zero(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "Gi", "five", "1Zi", "1.2.3", "1 Gi", "1mi"])
def test_what_is_none(text: str) -> None:
    assert quantity_or_zero(text) == 0
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        parse_quantity(text)
