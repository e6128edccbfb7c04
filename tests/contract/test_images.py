"""The Images in memory keep the contract of the real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.testing.images import MemoryImages
from tests.contract.images import IMAGE, OFFICIAL, ImagesContract


class TestMemoryImages(ImagesContract):
    @pytest.fixture
    def images(self) -> MemoryImages:
        return MemoryImages()

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path


async def test_what_a_registry_has_is_pulled(tmp_path: Path) -> None:
    images = MemoryImages(pullable={OFFICIAL})
    chosen = await images.choose(IMAGE, tmp_path, mode="auto", recorded=None, override=None)
    assert chosen.source == "pull"
