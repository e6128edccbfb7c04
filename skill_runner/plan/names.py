"""The names that templates of a skill may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from skill_runner.plan.types import ImageChoice, Installation
from skill_runner.skill.model import Skill
from skill_runner.skill.templating import render_data


def context(
    skill: Skill,
    installation: Installation,
    inputs: Mapping[str, Any],
    images: Mapping[str, ImageChoice],
    requires: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The names that templates may use (documented in docs/reference/skill-yaml.md)."""
    scope = {
        **inputs,
        "inputs": dict(inputs),
        "installation": {"name": installation.name, "namespace": installation.namespace},
        "skill": {"name": skill.name, "version": skill.version},
    }
    return {
        **_defined(skill, scope),
        **scope,
        "images": {name: image_names(choice) for name, choice in images.items()},
        "requires": {alias: dict(outputs) for alias, outputs in requires.items()},
    }


def _defined(skill: Skill, scope: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the names that the skill defines; each knows those before it."""
    defined: dict[str, Any] = {}
    for name, template in skill.let.items():
        where = f"{skill.folder / 'skill.yaml'}: let.{name}"
        defined[name] = render_data(template, {**scope, **defined}, where)
    return defined


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
