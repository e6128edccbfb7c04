"""The one import of a skill: what its hooks.py may use."""

from skill_runner.hooks.context import Context, GiveUp, PodResult, RetryLater

__all__ = ["Context", "GiveUp", "PodResult", "RetryLater"]
