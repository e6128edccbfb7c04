"""The project by which Maven resolves a recipe's artifacts."""

from __future__ import annotations

from xml.etree import ElementTree

from skill_runner.images.maven import pom

MAVEN = "{http://maven.apache.org/POM/4.0.0}"


def test_every_artifact_is_a_dependency() -> None:
    project = ElementTree.fromstring(pom(["org.example:one:1.0", "org.example:two:2.0"]))
    found = [[part.text for part in each] for each in project.iter(f"{MAVEN}dependency")]
    assert found == [["org.example", "one", "1.0"], ["org.example", "two", "2.0"]]
