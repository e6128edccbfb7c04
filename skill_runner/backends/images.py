"""The door to images: choose one, and make it available to the cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

from skill_runner.plan import ImageChoice
from skill_runner.progress import Report
from skill_runner.skill.model import Application, Image

Mode = Literal["auto", "pull", "build"]


class ImageStore(Protocol):
    """The store in which a cluster keeps its images; local clusters offer one."""

    async def has_image(self, ref: str) -> bool:
        """Tell whether the cluster has this very reference."""

    async def load_archive(self, archive: Path) -> None:
        """Import an OCI or docker archive; ClusterLifecycleError when it is refused."""


class Images(Protocol):
    """Official images where a registry answers, recipes where none does."""

    async def choose(
        self,
        image: Image,
        folder: Path,
        *,
        mode: Mode,
        recorded: ImageChoice | None,
        override: str | None,
    ) -> ImageChoice:
        """Choose an image; nothing is made.

        An earlier choice of the same installation stays, so that a later run does not flip it.
        An application (its templates filled in) is named by the digest of its source and settings;
        UsageError when it cannot be built.
        """

    async def provide(
        self,
        choice: ImageChoice,
        recipe: Path | None,
        report: Report,
        *,
        application: Application | None = None,
    ) -> str:
        """Make it available to the cluster: what was built, loaded or pushed; empty for nothing."""
