"""Images in memory, for tests: nothing is built, everything that was provided is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from skill_runner.backends.images import Mode
from skill_runner.images.recipe import LOCAL_PREFIX, local_ref
from skill_runner.plan import ImageChoice
from skill_runner.progress import Report
from skill_runner.skill.model import Application, Image


@dataclass(slots=True)
class MemoryImages:
    """`pullable` are the references that a registry would have."""

    pullable: set[str] = field(default_factory=set)
    loaded: set[str] = field(default_factory=set)

    async def choose(
        self,
        image: Image,
        folder: Path,
        *,
        mode: Mode,
        recorded: ImageChoice | None,
        override: str | None,
    ) -> ImageChoice:
        if override:
            return ImageChoice(name=image.name, ref=override, source="pull", official=image.ref)
        if recorded is not None and mode == "auto" and not recorded.is_given:
            return recorded
        if image.application is not None:
            made = f"{LOCAL_PREFIX}/{image.application.name or 'app'}:000000000000"
            origin = image.application.source
            return ImageChoice(
                name=image.name, ref=made, source="build", official="", origin=origin
            )
        build = mode == "build" or (mode == "auto" and image.ref not in self.pullable)
        if build and image.recipe is not None:
            made = local_ref(image.ref, "000000000000")
            return ImageChoice(name=image.name, ref=made, source="build", official=image.ref)
        return ImageChoice(name=image.name, ref=image.ref, source="pull", official=image.ref)

    async def provide(
        self,
        choice: ImageChoice,
        recipe: Path | None,
        report: Report,
        *,
        application: Application | None = None,
    ) -> str:
        if choice.source == "pull" or choice.ref in self.loaded:
            return ""
        self.loaded.add(choice.ref)
        return f"built {choice.ref}"
