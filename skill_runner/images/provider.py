"""Images for real: official ones where their registry answers, built ones elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from skill_runner.backends.images import ImageStore, Mode
from skill_runner.errors import BuildFailed, UsageError
from skill_runner.images.apps.bases import choose_bases
from skill_runner.images.apps.build import build_application
from skill_runner.images.apps.prepare import Prepared, find_layout, prepare
from skill_runner.images.build import archive_path, build_recipe
from skill_runner.images.push import push_archive, pushed_ref
from skill_runner.images.recipe import LOCAL_PREFIX, load_recipe, local_ref
from skill_runner.images.registry import parse_reference, registry_has
from skill_runner.plan import ImageChoice
from skill_runner.progress import Note, Report
from skill_runner.skill.model import Application, Image


@dataclass(slots=True)
class RecipeImages:
    """`store` is None for clusters that we cannot load images into.

    `registry`, with a path if it needs one, takes what is built in place of the store.
    """

    store: ImageStore | None
    cache: Path
    registry: str = ""
    watch: Callable[[], float] = time.monotonic
    _answers: dict[str, bool] = field(default_factory=dict)
    _prepared: dict[str, Prepared] = field(default_factory=dict)

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
        if image.application is not None:
            return await self._application(image.name, image.application, mode, recorded)
        pull = ImageChoice(name=image.name, ref=image.ref, source="pull", official=image.ref)
        if image.recipe is None:
            return pull
        registry = self._registry(recorded)
        made = local_ref(image.ref, load_recipe(folder / image.recipe).digest)
        build = ImageChoice(
            name=image.name,
            ref=pushed_ref(made, registry) if registry else made,
            source="build",
            official=image.ref,
            registry=registry,
        )
        if mode != "auto":
            return pull if mode == "pull" else build
        # An image that the caller has named before says nothing about the skill's own.
        if recorded is not None and recorded.official == image.ref and not recorded.is_given:
            return build if recorded.source == "build" else pull
        if self.store is None and not registry:
            return pull
        return pull if await self._pullable(image.ref) else build

    def _registry(self, recorded: ImageChoice | None) -> str:
        """Return where built images go: as asked, or where an earlier run has pushed them."""
        return (self.registry or (recorded.registry if recorded else "")).rstrip("/")

    async def _application(
        self, name: str, asked: Application, mode: Mode, recorded: ImageChoice | None
    ) -> ImageChoice:
        """By the digest of its source; where that is not on this machine, what was recorded."""
        try:
            folder, layout = find_layout(asked)
        except UsageError:
            known = recorded is not None and recorded.origin == asked.source
            if (
                recorded is None
                or not known
                or not asked.source
                or Path(asked.source).expanduser().exists()
            ):
                raise
            return recorded
        before = recorded.bases if recorded else ""
        bases = await choose_bases(layout.bases, mode=mode, before=before, pullable=self._pullable)
        prepared = prepare(asked, folder, layout, bases=bases)
        registry = self._registry(recorded)
        ref = pushed_ref(prepared.ref, registry) if registry else prepared.ref
        self._prepared[ref] = prepared
        return ImageChoice(
            name=name,
            ref=ref,
            source="build",
            official="",
            origin=asked.source,
            bases=bases,
            registry=registry,
        )

    async def _pullable(self, ref: str) -> bool:
        """Asked once for each registry that does not answer at all."""
        host = parse_reference(ref).host
        if self._answers.get(host) is False:
            return False
        self._answers[host] = await registry_has(ref)
        return self._answers[host]

    async def provide(
        self,
        choice: ImageChoice,
        recipe: Path | None,
        report: Report,
        *,
        application: Application | None = None,
    ) -> str:
        if choice.source == "pull" or (recipe is None and application is None):
            return ""
        if choice.registry:
            return await self._push(choice, recipe, report)
        if self.store is None:
            raise BuildFailed(
                f"{choice.ref} was built here, and this cluster loads no images from here",
                hint="Push it to a registry that the cluster reaches: --registry HOST/PATH; or use "
                "--images pull.",
            )
        if await self.store.has_image(choice.ref):
            return ""
        archive, build = await self._archive(choice, recipe, report)
        built = self.watch()
        report(Note(f"loading {choice.ref} into the cluster"))
        await self.store.load_archive(archive)
        return self._told(choice, archive, build, "loaded", self.watch() - built)

    async def _push(self, choice: ImageChoice, recipe: Path | None, report: Report) -> str:
        if await registry_has(choice.ref):
            return ""
        archive, build = await self._archive(choice, recipe, report)
        built = self.watch()
        report(Note(f"pushing {choice.ref}"))
        await push_archive(archive, built_ref(choice), choice.registry, report)
        return self._told(choice, archive, build, "pushed", self.watch() - built)

    async def _archive(
        self, choice: ImageChoice, recipe: Path | None, report: Report
    ) -> tuple[Path, float | None]:
        """The archive, and the seconds that its build took; None where it was built before."""
        there = archive_path(self.cache, built_ref(choice)).is_file()
        began = self.watch()
        archive = await self._build(choice, recipe, report)
        return archive, None if there else self.watch() - began

    async def _build(self, choice: ImageChoice, recipe: Path | None, report: Report) -> Path:
        if recipe is not None:
            return await build_recipe(load_recipe(recipe), built_ref(choice), self.cache, report)
        prepared = self._prepared.get(choice.ref)
        if prepared is None:
            raise BuildFailed(
                f"the cluster has lost {choice.ref}, and its source {choice.origin} is not here",
                hint="Name the folder where it is now: --set source=FOLDER",
            )
        return await build_application(prepared, self.cache, report)

    def _told(
        self, choice: ImageChoice, archive: Path, build: float | None, how: str, rest: float
    ) -> str:
        """Name, size and times; of an application, what was added or assumed for its build."""
        what = f"{choice.ref} ({archive.stat().st_size / 2**20:.0f} MiB)"
        built = f"{what} was built before" if build is None else f"built {what} in {build:.1f} s"
        made = f"{built}, {how} in {rest:.1f} s"
        prepared = self._prepared.get(choice.ref)
        return "; ".join((made, *(prepared.layout.notes if prepared else ())))


def built_ref(choice: ImageChoice) -> str:
    """The name under which an image was built here, before it was pushed to a registry."""
    if not choice.registry:
        return choice.ref
    return f"{LOCAL_PREFIX}/{choice.ref.removeprefix(f'{choice.registry}/')}"
