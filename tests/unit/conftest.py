"""The stage that tests of several packages share."""

from __future__ import annotations

from tests.support.session import stage

__all__ = ["stage"]
