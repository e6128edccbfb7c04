"""What every Images must do, real or in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from skill_runner.backends.images import Images, Mode
from skill_runner.plan import ImageChoice
from skill_runner.progress import silent
from skill_runner.skill.model import Image

OFFICIAL = "127.0.0.1:1/apache/kafka:4.3.1"  # nothing answers at port 1
IMAGE = Image(name="kafka", ref=OFFICIAL, recipe="image/")
PLAIN = Image(name="kafka", ref=OFFICIAL)
Choose = Callable[..., Awaitable[ImageChoice]]


class ImagesContract:
    """Subclasses give `images`, for a cluster that takes images, and the skill's `folder`."""

    @pytest.fixture
    def choose(self, images: Images, folder: Path) -> Choose:
        async def choose(
            image: Image = IMAGE,
            *,
            mode: Mode = "auto",
            recorded: ImageChoice | None = None,
            override: str | None = None,
        ) -> ImageChoice:
            return await images.choose(
                image, folder, mode=mode, recorded=recorded, override=override
            )

        return choose

    async def test_where_no_registry_answers_the_recipe_is_built(self, choose: Choose) -> None:
        chosen = await choose()
        assert (chosen.source, chosen.official) == ("build", OFFICIAL)
        assert chosen.ref.startswith("skill.local/kafka:4.3.1-")

    async def test_without_a_recipe_there_is_only_pulling(self, choose: Choose) -> None:
        for mode in ("auto", "pull", "build"):
            assert (await choose(PLAIN, mode=mode)).ref == OFFICIAL

    async def test_the_mode_decides(self, choose: Choose) -> None:
        assert (await choose(mode="pull")).source == "pull"
        assert (await choose(mode="build")).source == "build"

    async def test_an_earlier_choice_is_kept(self, choose: Choose) -> None:
        pulled = await choose(mode="pull")
        assert await choose(recorded=pulled) == pulled
        built = await choose(mode="build")
        assert await choose(recorded=built) == built

    async def test_a_mode_that_is_asked_for_wins_over_an_earlier_choice(
        self, choose: Choose
    ) -> None:
        pulled = await choose(mode="pull")
        assert (await choose(mode="build", recorded=pulled)).source == "build"

    async def test_the_callers_image_wins(self, choose: Choose) -> None:
        chosen = await choose(mode="build", override="example.org/kafka:1")
        assert (chosen.ref, chosen.source) == ("example.org/kafka:1", "pull")

    async def test_without_the_callers_image_the_skill_s_own_is_chosen_anew(
        self, choose: Choose
    ) -> None:
        given = await choose(override="example.org/kafka:1")
        assert await choose(recorded=given) == await choose()

    async def test_nothing_is_done_for_an_image_that_is_pulled(
        self, images: Images, choose: Choose, folder: Path
    ) -> None:
        chosen = await choose(mode="pull")
        assert await images.provide(chosen, folder / "image", silent) == ""

    async def test_what_was_provided_is_not_provided_again(
        self, images: Images, choose: Choose, folder: Path
    ) -> None:
        chosen = await choose(mode="build")
        assert chosen.ref in await images.provide(chosen, folder / "image", silent)
        assert await images.provide(chosen, folder / "image", silent) == ""
