"""Jars from Maven coordinates, by `mvn` and the settings that it has on this machine.

A repository's own checksums only tell that a download is whole: whoever changes a jar there, or on
a mirror, changes them as well. So a recipe holds the digests of its jars, in the form of sha256sum.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from skill_runner.errors import BuildFailed
from skill_runner.images.process import need, run_tool
from skill_runner.progress import Note, Report

DIGESTS: Final = "jars.sha256"


async def maven_jars(artifacts: Iterable[str], target: Path, report: Report) -> None:
    """The artifacts and everything they need at run time, as jar files in `target`.

    An artifact is group:name:version. One with group:name:version:type:classifier is a distribution
    that holds what it needs: it alone is fetched, as it is.
    """
    need("mvn", "maven")
    wanted = list(artifacts)
    report(Note(f"jars from Maven: {', '.join(wanted)}"))
    with tempfile.TemporaryDirectory(prefix="skill-maven-") as folder:
        (Path(folder) / "pom.xml").write_text(pom(wanted))
        await run_tool(
            [
                "mvn",
                "--batch-mode",
                "--no-transfer-progress",
                "--quiet",
                "--strict-checksums",
                "dependency:copy-dependencies",
                "-DincludeScope=runtime",
                f"-DoutputDirectory={target}",
            ],
            report=report,
            cwd=Path(folder),
            env={"MAVEN_OPTS": "-Dstyle.color=never"},
        )


def check_jars(target: Path, held: Path) -> None:
    """BuildFailed where the jars are not those that the file `held` names, digest for digest."""
    wanted = dict(line.split()[::-1] for line in held.read_text("utf-8").splitlines() if line)
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in target.iterdir()}
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            raise BuildFailed(
                f"{name} from Maven is not the jar that {held.parent.name}/{held.name} holds: "
                f"expected {wanted.get(name, 'no such jar')}, found {found.get(name, 'none')}",
                hint=f"Where its version was changed on purpose, write {held.name} again with "
                "sha256sum; otherwise the repository or a mirror has another jar: do not use it.",
            )


def pom(artifacts: Iterable[str]) -> str:
    """A Maven project whose only purpose is to depend on the artifacts."""
    dependencies = "".join(_dependency(*map(escape, artifact.split(":"))) for artifact in artifacts)
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>skill</groupId><artifactId>recipe</artifactId><version>1</version>"
        f"<packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>"
    )


def _dependency(group: str, name: str, version: str, kind: str = "", classifier: str = "") -> str:
    whole = (
        f"<type>{kind}</type><classifier>{classifier}</classifier><exclusions><exclusion>"
        "<groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
        if kind
        else ""
    )
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>"
        f"<version>{version}</version>{whole}</dependency>"
    )
