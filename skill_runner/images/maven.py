"""Jars from Maven coordinates, by `mvn` and the settings that it has on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

from skill_runner.images.process import need, run_tool
from skill_runner.progress import Note, Report


async def maven_jars(artifacts: Iterable[str], target: Path, report: Report) -> None:
    """The artifacts (group:name:version) and everything they need at run time, as jar files."""
    need("mvn", "maven")
    wanted = list(artifacts)
    report(Note(f"jars from Maven: {', '.join(wanted)}"))
    with tempfile.TemporaryDirectory(prefix="skill-maven-") as folder:
        (Path(folder) / "pom.xml").write_text(pom(wanted))
        await run_tool(
            ["mvn", "--batch-mode", "--no-transfer-progress", "--quiet", "--strict-checksums",
             "dependency:copy-dependencies", "-DincludeScope=runtime",
             f"-DoutputDirectory={target}"],
            report=report,
            cwd=Path(folder),
            env={"MAVEN_OPTS": "-Dstyle.color=never"},
        )  # fmt: skip


def pom(artifacts: Iterable[str]) -> str:
    """A Maven project whose only purpose is to depend on the artifacts."""
    dependencies = "".join(
        "<dependency><groupId>{}</groupId><artifactId>{}</artifactId>"
        "<version>{}</version></dependency>".format(*map(escape, artifact.split(":")))
        for artifact in artifacts
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>skill</groupId><artifactId>recipe</artifactId><version>1</version>"
        f"<packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>"
    )
