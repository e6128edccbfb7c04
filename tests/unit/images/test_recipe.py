"""Recipes: what is read, what is refused, when the digest changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.errors import SkillFileError
from skill_runner.images.recipe import digest_of, load_recipe, local_ref


def make_recipe(folder: Path, text: str = "debian: {suite: trixie, packages: [bash]}\n") -> Path:
    folder.mkdir()
    (folder / "recipe.yaml").write_text(text)
    (folder / "Containerfile").write_text("FROM scratch\n")
    return folder


def test_a_recipe_names_its_ingredients(tmp_path: Path) -> None:
    recipe = load_recipe(make_recipe(tmp_path / "image"))
    assert (recipe.suite, recipe.packages, recipe.artifacts) == ("trixie", ("bash",), ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a list\n", "no mapping"),
        ("debain: {}\n", "debain"),
        ("debian: {suite: [}\n", "not YAML"),
    ],
)
def test_a_recipe_that_is_wrong_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SkillFileError, match=words):
        load_recipe(make_recipe(tmp_path / "image", text))


def test_a_recipe_needs_both_files(tmp_path: Path) -> None:
    with pytest.raises(SkillFileError, match=r"recipe\.yaml"):
        load_recipe(tmp_path)
    (tmp_path / "recipe.yaml").write_text("maven: []\n")
    with pytest.raises(SkillFileError, match="Containerfile"):
        load_recipe(tmp_path)


def test_the_digest_follows_content_name_and_mode(tmp_path: Path) -> None:
    folder = make_recipe(tmp_path / "image")
    digests = [digest_of(folder)]
    script = folder / "run"
    script.write_text("#!/bin/sh\n")
    digests.append(digest_of(folder))
    script.chmod(0o755)
    digests.append(digest_of(folder))
    script.rename(folder / "start")
    digests.append(digest_of(folder))
    assert len(set(digests)) == 4
    assert digest_of(folder) == digests[-1]


@pytest.mark.parametrize(
    ("official", "expected"),
    [
        ("docker.io/apache/kafka:4.3.1", "skill.local/kafka:4.3.1-abc"),
        ("localhost:5000/redis", "skill.local/redis:abc"),
        ("postgres:17@sha256:00", "skill.local/postgres:17-abc"),
    ],
)
def test_what_a_recipe_makes_has_a_name_of_its_own(official: str, expected: str) -> None:
    assert local_ref(official, "abc") == expected


def test_a_recipe_may_hold_tools_of_a_go_module(tmp_path: Path) -> None:
    text = "go: {tags: [stable], stamps: [example.org/x.version=1.2.3]}\n"
    folder = make_recipe(tmp_path / "image", text)
    with pytest.raises(SkillFileError, match=r"needs a go\.mod"):
        load_recipe(folder)
    (folder / "go.mod").write_text("module x\n")
    (folder / "go.sum").write_text("")
    go = load_recipe(folder).go
    assert go is not None
    assert (go.tags, go.stamps) == (("stable",), ("example.org/x.version=1.2.3",))
    (folder / "recipe.yaml").write_text("go: {tools: [x]}\n")
    with pytest.raises(SkillFileError, match="tools"):
        load_recipe(folder)
