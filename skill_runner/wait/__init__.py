"""Watch, compute, until ready, failed or too late."""

from skill_runner.diagnose import DEFAULT_POLICY, FailurePolicy
from skill_runner.wait.expected import Expected, Suspect, WaitResult
from skill_runner.wait.loop import wait_ready
from skill_runner.wait.once import look_once

__all__ = [
    "DEFAULT_POLICY", "Expected", "FailurePolicy", "Suspect", "WaitResult", "look_once",
    "wait_ready",
]  # fmt: skip
