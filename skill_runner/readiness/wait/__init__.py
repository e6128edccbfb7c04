"""Watch, compute, until ready, failed or too late."""

from skill_runner.readiness.diagnosis import DEFAULT_POLICY, FailurePolicy
from skill_runner.readiness.wait.expected import Expected, Suspect, WaitResult
from skill_runner.readiness.wait.loop import wait_ready
from skill_runner.readiness.wait.snapshot import look_once

__all__ = [
    "DEFAULT_POLICY",
    "Expected",
    "FailurePolicy",
    "Suspect",
    "WaitResult",
    "look_once",
    "wait_ready",
]
