"""The one import of a skill: what its hooks.py may use."""

from skill_runner.hooks.call import GiveUp, RetryLater

__all__ = ["GiveUp", "RetryLater"]
