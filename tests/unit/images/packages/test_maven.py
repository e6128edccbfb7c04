"""The project by which Maven resolves a recipe's artifacts."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from skill_runner.errors import BuildFailed
from skill_runner.images.packages.maven import DIGESTS, check_jars, maven_jars, pom
from skill_runner.images.recipe import load_recipe
from skill_runner.progress import silent
from skill_runner.skill.shipped import shipped

MAVEN = "{http://maven.apache.org/POM/4.0.0}"


def test_every_artifact_is_a_dependency() -> None:
    project = ElementTree.fromstring(pom(["org.example:one:1.0", "org.example:two:2.0"]))
    found = [[part.text for part in each] for each in project.iter(f"{MAVEN}dependency")]
    assert found == [["org.example", "one", "1.0"], ["org.example", "two", "2.0"]]


def test_a_distribution_comes_alone_as_it_is() -> None:
    project = ElementTree.fromstring(pom(["org.example:app:1.0:tar.gz:all"]))
    (found,) = project.iter(f"{MAVEN}dependency")
    parts = {part.tag.removeprefix(MAVEN): part.text for part in found if not len(part)}
    assert parts == {
        "groupId": "org.example",
        "artifactId": "app",
        "version": "1.0",
        "type": "tar.gz",
        "classifier": "all",
    }
    (left_out,) = project.iter(f"{MAVEN}exclusion")
    assert [part.text for part in left_out] == ["*", "*"]


async def test_what_has_another_checksum_than_its_repository_says_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maven only warns otherwise."""
    mvn = tmp_path / "mvn"
    mvn.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/asked\n')
    mvn.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    await maven_jars(["org.example:one:1.0"], tmp_path / "jars", silent)
    assert "--strict-checksums" in (tmp_path / "asked").read_text().split()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("other", "one.jar from Maven is not the jar"),
        ("more", "found [0-9a-f]{64}"),
        ("none", "found none"),
    ],
)
def test_another_jar_than_the_recipe_holds_is_refused(
    tmp_path: Path, change: str, said: str
) -> None:
    jars, held = tmp_path / "jars", tmp_path / DIGESTS
    jars.mkdir()
    (jars / "one.jar").write_bytes(b"one")
    held.write_text(f"{hashlib.sha256(b'one').hexdigest()}  one.jar\n")
    check_jars(jars, held)
    if change == "none":
        (jars / "one.jar").unlink()
    else:
        (jars / ("one.jar" if change == "other" else "two.jar")).write_bytes(b"another")
    with pytest.raises(BuildFailed, match=said):
        check_jars(jars, held)


def test_each_recipe_of_ours_holds_the_digests_of_its_jars() -> None:
    recipes = [load_recipe(path.parent) for path in shipped("skills").rglob("recipe.yaml")]
    with_jars = [recipe for recipe in recipes if recipe.artifacts]
    assert with_jars
    for recipe in with_jars:
        held = (recipe.folder / DIGESTS).read_text("utf-8").split()[1::2]
        for artifact in recipe.artifacts:
            _, name, version, *whole = artifact.split(":")
            kind, classifier = whole or ("jar", "")
            assert "-".join(filter(None, (name, version, classifier))) + f".{kind}" in held
