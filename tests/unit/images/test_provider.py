"""The real Images: which image a run uses, and what is done to make it available."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from skill_runner.errors import BuildFailed
from skill_runner.images.build import archive_path
from skill_runner.images.provider import RecipeImages, built_ref
from skill_runner.images.recipe import digest_of, local_ref
from skill_runner.progress import silent
from tests.contract.images import IMAGE, OFFICIAL, ImagesContract
from tests.unit.images.test_recipe import make_recipe


class Store:
    """A cluster's images, as a set; an archive here is a file that holds its reference."""

    def __init__(self) -> None:
        self.refs: set[str] = set()

    async def has_image(self, ref: str) -> bool:
        return ref in self.refs

    async def load_archive(self, archive: Path) -> None:
        self.refs.add(archive.read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A skill's folder, and its image built already: the archive is in the cache."""
    make_recipe(tmp_path / "image")
    ref = local_ref(OFFICIAL, digest_of(tmp_path / "image"))
    archive = archive_path(tmp_path, ref)
    archive.parent.mkdir()
    archive.write_text(ref)
    return tmp_path


class TestRecipeImages(ImagesContract):
    @pytest.fixture
    def images(self, folder: Path) -> RecipeImages:
        return RecipeImages(Store(), folder)


async def test_a_cluster_that_takes_no_images_pulls(folder: Path) -> None:
    images = RecipeImages(None, folder)
    chosen = await images.choose(IMAGE, folder, mode="auto", recorded=None, override=None)
    assert chosen.source == "pull"


async def test_a_build_for_a_cluster_without_a_door_is_refused(folder: Path) -> None:
    images = RecipeImages(None, folder)
    chosen = await images.choose(IMAGE, folder, mode="build", recorded=None, override=None)
    with pytest.raises(BuildFailed, match="loads no images"):
        await images.provide(chosen, folder / "image", silent)


async def test_what_was_built_before_is_not_said_to_be_built(folder: Path) -> None:
    images = RecipeImages(Store(), folder)
    chosen = await images.choose(IMAGE, folder, mode="build", recorded=None, override=None)
    said = await images.provide(chosen, folder / "image", silent)
    assert re.fullmatch(r"skill\.local/\S+ \(\d+ MiB\) was built before, loaded in [\d.]+ s", said)


async def test_a_changed_recipe_is_built_anew(folder: Path) -> None:
    images = RecipeImages(Store(), folder)
    old = await images.choose(IMAGE, folder, mode="build", recorded=None, override=None)
    (folder / "image" / "more").write_text("more")
    new = await images.choose(IMAGE, folder, mode="auto", recorded=old, override=None)
    assert (new.source, new.ref == old.ref) == ("build", False)


async def test_what_is_built_for_a_registry_is_named_by_it_and_stays_there(folder: Path) -> None:
    asked = RecipeImages(None, folder, "registry.example.org/team/")
    chosen = await asked.choose(IMAGE, folder, mode="build", recorded=None, override=None)
    made = local_ref(OFFICIAL, digest_of(folder / "image"))
    assert chosen.ref == made.replace("skill.local", "registry.example.org/team")
    assert (chosen.source, chosen.registry) == ("build", "registry.example.org/team")
    assert built_ref(chosen) == made
    later = RecipeImages(None, folder)
    assert await later.choose(IMAGE, folder, mode="auto", recorded=chosen, override=None) == chosen
