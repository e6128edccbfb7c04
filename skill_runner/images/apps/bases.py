"""The images that applications are built on: official ones, or recipes of the same layout."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from skill_runner.images.recipe import Recipe, load_recipe, local_ref
from skill_runner.skill.shipped import shipped

OFFICIAL: Final = {
    "node": "docker.io/library/node:24-slim",
    "nginx": "docker.io/nginxinc/nginx-unprivileged:1.29",
    "python": "docker.io/library/python:3.13-slim",
}
Asked = Callable[[str], Awaitable[bool]]


def base_recipe(name: str) -> tuple[Recipe, str]:
    """The recipe of a base image, and the name of what it makes."""
    recipe = load_recipe(shipped("templates") / "base-images" / name)
    return recipe, local_ref(OFFICIAL[name], recipe.digest)


async def choose_bases(names: tuple[str, ...], *, mode: str, before: str, pullable: Asked) -> str:
    """`official` or `recipes`, for all of an application's bases: one answer, kept for later.

    `before` is what an earlier build of the same took: a registry's answer is weather, and must
    not make an unchanged source a new image.
    """
    if mode != "auto":
        return "official" if mode == "pull" else "recipes"
    if before:
        return before
    for name in names:
        if not await pullable(OFFICIAL[name]):
            return "recipes"
    return "official"


def base_refs(names: tuple[str, ...], kind: str) -> dict[str, str]:
    """Return what FROM names, by the bases' names."""
    if kind == "recipes":
        return {name: base_recipe(name)[1] for name in names}
    return {name: OFFICIAL[name] for name in names}
