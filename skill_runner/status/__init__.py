"""Readiness of ONE object: pure functions in a table by kind."""

from skill_runner.status.compute import compute
from skill_runner.status.verdict import State, Verdict

__all__ = ["State", "Verdict", "compute"]
