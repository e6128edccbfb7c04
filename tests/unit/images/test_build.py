"""Builds: cached by digest, one at a time, pruned; with a real builder where there is one."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest
from filelock import FileLock

from skill_runner.errors import BuildFailed
from skill_runner.images import build
from skill_runner.images.build import archive_path, build_recipe
from skill_runner.images.recipe import Recipe, load_recipe, local_ref
from skill_runner.progress import Event, Note, silent
from tests.unit.images.test_recipe import make_recipe


def recipe_without_ingredients(folder: Path) -> tuple[Recipe, str]:
    made = make_recipe(folder, "{}\n")
    (made / "hello").write_text("hello\n")
    (made / "Containerfile").write_text('FROM scratch\nCOPY hello /hello\nCMD ["/hello"]\n')
    recipe = load_recipe(made)
    return recipe, local_ref("example.org/hello:1", recipe.digest)


async def test_another_process_is_waited_for(tmp_path: Path) -> None:
    recipe, ref = recipe_without_ingredients(tmp_path / "image")
    archive = archive_path(tmp_path, ref)
    archive.parent.mkdir()
    other = FileLock(archive.with_suffix(".lock"))
    other.acquire()

    def on_event(event: Event) -> None:
        if isinstance(event, Note) and "waiting" in event.text:
            archive.write_text("made by the other process")
            other.release()

    assert await build_recipe(recipe, ref, tmp_path, on_event) == archive
    assert archive.read_text() == "made by the other process"


async def test_a_wait_for_another_process_can_be_cancelled(tmp_path: Path) -> None:
    recipe, ref = recipe_without_ingredients(tmp_path / "image")
    archive = archive_path(tmp_path, ref)
    archive.parent.mkdir()
    waits = asyncio.Event()
    with FileLock(archive.with_suffix(".lock")):
        task = asyncio.create_task(build_recipe(recipe, ref, tmp_path, lambda event: waits.set()))
        await waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not archive.exists()


@pytest.mark.root
@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("buildah") is None, reason="needs root and buildah"
)
async def test_a_real_build(tmp_path: Path) -> None:
    recipe, ref = recipe_without_ingredients(tmp_path / "image")
    try:
        archive = await build_recipe(recipe, ref, tmp_path, silent)
    except BuildFailed as error:
        if "Operation not permitted" in str(error):
            pytest.skip("this machine does not let buildah mount")
        raise
    with tarfile.open(archive) as tar:
        member = tar.extractfile("index.json")
        assert member is not None
        index = json.load(member)
    annotations = index["manifests"][0]["annotations"]
    assert annotations["org.opencontainers.image.ref.name"] == ref
    assert not list(archive.parent.glob("skill-image-*"))


async def test_old_archives_of_the_same_image_go(tmp_path: Path) -> None:
    for number in range(6):
        path = tmp_path / f"skill.local_kafka_4.3.1-{number:012}.tar"
        path.write_text("")
        os.utime(path, (number, number))
    other = tmp_path / "skill.local_redis_8-000000000000.tar"
    other.write_text("")
    build.prune(tmp_path / "skill.local_kafka_4.3.1-000000000005.tar")
    left = sorted(path.name[-5:-4] for path in tmp_path.glob("skill.local_kafka*"))
    assert left == ["3", "4", "5"]
    assert other.exists()
