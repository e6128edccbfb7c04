"""An exception that a skill declares from a rule of the policy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyException:
    """A policy rule that one object may break, and why."""

    rule: str
    resource: str
    reason: str
