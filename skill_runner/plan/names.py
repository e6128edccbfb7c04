"""The names that templates of a skill may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from skill_runner.plan.types import ImageChoice, Installation
from skill_runner.skill.model import Skill


def context(
    skill: Skill,
    installation: Installation,
    inputs: Mapping[str, Any],
    images: Mapping[str, ImageChoice],
    requires: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The names that templates may use (documented in docs/reference/skill-yaml.md)."""
    return {
        **inputs,
        "inputs": dict(inputs),
        "installation": {"name": installation.name, "namespace": installation.namespace},
        "skill": {"name": skill.name, "version": skill.version},
        "images": {name: image_names(choice) for name, choice in images.items()},
        "requires": {alias: dict(outputs) for alias, outputs in requires.items()},
    }


def image_names(choice: ImageChoice) -> dict[str, str]:
    """Return what templates may say of an image; `version` is the official tag in any case."""
    official = replace(choice, ref=choice.official)
    return {
        "ref": choice.ref,
        "repository": choice.repository,
        "tag": choice.tag,
        "official": choice.official,
        "version": official.tag,
    }
