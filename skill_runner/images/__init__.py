"""Images: recipes, builders, loading into a cluster, pushing to a registry."""

from __future__ import annotations

from pathlib import Path

from skill_runner.backends.images import Images, ImageStore
from skill_runner.images.provider import RecipeImages

__all__ = ["ImageStore", "Images", "make_images"]


def make_images(store: ImageStore | None, cache: Path, registry: str = "") -> RecipeImages:
    """The real Images for a cluster with this store (None: it takes no images from here).

    What is built goes to `registry` where one is named, in place of the store.
    """
    return RecipeImages(store, cache, registry)
