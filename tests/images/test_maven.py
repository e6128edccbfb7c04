"""The project by which Maven resolves a recipe's artifacts."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from skill_runner.images.maven import maven_jars, pom
from skill_runner.progress import silent

MAVEN = "{http://maven.apache.org/POM/4.0.0}"


def test_every_artifact_is_a_dependency() -> None:
    project = ElementTree.fromstring(pom(["org.example:one:1.0", "org.example:two:2.0"]))
    found = [[part.text for part in each] for each in project.iter(f"{MAVEN}dependency")]
    assert found == [["org.example", "one", "1.0"], ["org.example", "two", "2.0"]]


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
