"""Kubernetes quantities ("500m", "1Gi", "2e3") as numbers.

Rules: kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_PATTERN: Final = re.compile(
    r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:[eE]([+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i))?"
)
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def parse_quantity(text: str | int | float) -> float:
    """Cores or bytes (whatever the unit counts); ValueError names what is not a quantity."""
    exact = _exact(text)
    if exact is None:
        raise ValueError(f"{text!r} is not a Kubernetes quantity such as 500m or 5Gi")
    return float(exact)


def quantity_or_zero(text: str | int | float) -> Decimal:
    """The exact number; 0 for what is no quantity, for whoever reads statuses must never raise."""
    return _exact(text) or Decimal(0)


def _exact(text: str | int | float) -> Decimal | None:
    found = _PATTERN.fullmatch(str(text).strip())
    if not found:
        return None
    number, exponent, unit = found.groups()
    if exponent:
        return Decimal(number) * Decimal(10) ** int(exponent)
    if unit in _BINARY:
        return Decimal(number) * Decimal(1024) ** _BINARY[unit]
    return Decimal(number) * Decimal(10) ** _DECIMAL.get(unit, 0)
