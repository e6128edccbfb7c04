"""Readiness of ONE object: pure functions in a table by kind."""

from skill_runner.readiness.status.compute import compute
from skill_runner.readiness.status.verdict import State, Verdict

__all__ = ["State", "Verdict", "compute"]
