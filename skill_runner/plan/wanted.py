"""The images and the requirements that a skill has for these inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from skill_runner.plan.names import context
from skill_runner.plan.types import Installation
from skill_runner.skill.model import Image, Requirement, Skill
from skill_runner.skill.templating import evaluate, render_data


def wanted_requirements(
    skill: Skill, installation: Installation, inputs: Mapping[str, Any]
) -> tuple[Requirement, ...]:
    """The skills that these inputs require, with the inputs that they are to have."""
    scope = context(skill, installation, inputs, {}, {})
    return tuple(
        replace(each, inputs=render_data(each.inputs, scope, f"{skill.name}: requires"))
        for each in skill.requires
        if each.when is None or evaluate(each.when, scope, f"{skill.name}: requires {each.skill}")
    )


def wanted_images(
    skill: Skill, installation: Installation, inputs: Mapping[str, Any]
) -> dict[str, Image]:
    """The skill's images, with the applications' sources and settings that these inputs name."""
    scope = context(skill, installation, inputs, {}, {})
    return {name: filled(image, skill, scope) for name, image in skill.images.items()}


def filled(image: Image, skill: Skill, scope: Mapping[str, Any]) -> Image:
    if image.application is None:
        return image
    where = f"{skill.folder / 'skill.yaml'}: images.{image.name}"
    asked = image.application
    name = str(render_data(asked.name, scope, where)) or scope["installation"]["name"]
    return replace(
        image,
        application=replace(
            asked,
            source=str(render_data(asked.source, scope, where)),
            name=name,
            settings=render_data(asked.settings, scope, where),
        ),
    )
