"""Outputs of builds that failed, and the lines of them that tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.errors import BuildFailed
from skill_runner.images.apps.failures import explain, telling
from skill_runner.images.apps.layout import Layout
from skill_runner.images.apps.prepare import Prepared
from skill_runner.images.process import ToolFailed

NOISE = tuple(f"[2/3] STEP 4/9: npm output {n}" for n in range(300))
END = (
    "subprocess exited with status 1",
    'Error: building at STEP "RUN … npm run build": exit status 1',
)
TYPE_ERROR = (
    "Failed to compile.", "", "./lib/backend.ts:14:7",
    "Type error: Type 'string' is not assignable to type 'number'.", "",
    "> 14 | const PATIENCE: number = '5000';",
)  # fmt: skip
BROKEN_LINK = (
    "[ERROR] Error: Unable to build website for locale en.",
    "    at tryToBuildLocale (/app/node_modules/@docusaurus/core/lib/commands/build.js:83:15)",
    "  [cause]: Error: Docusaurus found broken links!",
    "  Please check the pages of your site in the list below, and make sure you don't",
    "  Note: it's possible to ignore broken links with the 'onBrokenLinks' configuration",
    "  Exhaustive list of all broken links found:",
    "- Broken link on source page path = /guide/first:",
    "   -> linking to /not-there",
)
NO_PACKAGE = (
    "npm error code E404", "npm error 404 Not Found - GET https://registry.example/nope",
    "npm error A complete log of this run can be found in: /home/node/.npm/_logs/x.log",
)  # fmt: skip
NODE_TOO_OLD = (
    'You are using Node.js 18.20.4. For Next.js, Node.js version ">=20.9.0" is required.',
)
PREPARED = Prepared(Path("/src/app"), "app", (), Layout(containerfile=""), "official", "abc")


@pytest.mark.parametrize(
    ("lines", "first", "also"),
    [
        (TYPE_ERROR, "./lib/backend.ts:14:7", "Type 'string' is not assignable"),
        (BROKEN_LINK, "  [cause]: Error: Docusaurus found broken links!", "/guide/first"),
        (NODE_TOO_OLD, "You are using Node.js 18.20.4", '">=20.9.0" is required'),
        (NO_PACKAGE, "npm error 404 Not Found - GET https://registry.example/nope", ""),
        (("ERROR: No matching distribution found for nope==1",), "ERROR: No matching", ""),
        (("Error: boom in generateStaticParams",), "Error: boom", ""),
    ],
)
def test_the_telling_lines(lines: tuple[str, ...], first: str, also: str) -> None:
    told = telling((*NOISE, *lines, *END))
    assert told[0].startswith(first)
    assert also in "\n".join(told)
    assert len(told) <= 10
    assert not any("STEP" in line or "possible to ignore" in line for line in told)


def test_of_an_unknown_failure_the_last_lines() -> None:
    assert telling(("a", "b", *END)) == ["a", "b"]


@pytest.mark.parametrize(
    ("lines", "status"),
    [(("FATAL ERROR: Reached heap limit - JavaScript heap out of memory",), 1),
     (("Killed",), 1), (("…",), 137)],
)  # fmt: skip
def test_out_of_memory_is_named(lines: tuple[str, ...], status: int) -> None:
    failed = explain(ToolFailed("buildah …", status=status, lines=lines), PREPARED)
    assert "the build of /src/app ran out of memory" in failed.message
    assert "max-old-space-size" in failed.hint


def test_other_failures_stay_as_they_are() -> None:
    error = BuildFailed("nothing here can build an image")
    assert explain(error, PREPARED) is error
