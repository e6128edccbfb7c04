"""The real Helm, through pyhelm3."""

from skill_runner.backends.helm.client import PyHelm

__all__ = ["PyHelm"]
