"""Images for the cluster of the tests: made from a skill's recipe, or one under another name."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from pathlib import Path

from skill_runner.images.build import build_recipe
from skill_runner.images.recipe import load_recipe, local_ref
from skill_runner.progress import silent
from skill_runner.skill.library import default_library
from tests.support.driver import Driver


def load_image(driver: Driver, official: str, recipe: Path) -> str:
    """Build a recipe, if it is not in the cache, and load it; the name that it has there."""
    made = load_recipe(recipe)
    name = local_ref(official, made.digest)
    driver.load(asyncio.run(build_recipe(made, name, driver.cache, silent)))
    return name


def load_recipe_image(driver: Driver, skill: str, image: str) -> str:
    """The image that a skill would build for itself."""
    found = default_library().find(skill)
    wanted = found.images[image]
    assert wanted.recipe is not None
    return load_image(driver, wanted.ref, found.folder / wanted.recipe)


def renamed(archive: Path, name: str, new: str, folder: Path) -> Path:
    """A copy of an OCI archive whose image is called `new`."""
    made = folder / "renamed.tar"
    with tarfile.open(archive) as source, tarfile.open(made, "w") as target:
        for member in source:
            content = source.extractfile(member)
            if member.name != "index.json" or content is None:
                target.addfile(member, content)
                continue
            index = json.load(content)
            assert name in json.dumps(index)
            raw = json.dumps(index).replace(name, new).encode()
            member.size = len(raw)
            target.addfile(member, io.BytesIO(raw))
    return made
