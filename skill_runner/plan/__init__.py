"""Skill and inputs in, ordered steps out: what a run would do, without asking a cluster."""

from skill_runner.plan.make import MAX_NAME, check_installation, make_plan
from skill_runner.plan.names import context
from skill_runner.plan.types import (
    ImageChoice,
    Installation,
    Manifest,
    Plan,
    PlannedAdmits,
    PlannedApply,
    PlannedHook,
    PlannedImage,
    PlannedRelease,
    PlannedStep,
    PlannedWait,
)
from skill_runner.plan.wanted import wanted_images, wanted_requirements

__all__ = [
    "MAX_NAME",
    "ImageChoice",
    "Installation",
    "Manifest",
    "Plan",
    "PlannedAdmits",
    "PlannedApply",
    "PlannedHook",
    "PlannedImage",
    "PlannedRelease",
    "PlannedStep",
    "PlannedWait",
    "check_installation",
    "context",
    "make_plan",
    "wanted_images",
    "wanted_requirements",
]
