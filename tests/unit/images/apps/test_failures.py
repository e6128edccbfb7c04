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
    "Failed to compile.",
    "",
    "./lib/backend.ts:14:7",
    "Type error: Type 'string' is not assignable to type 'number'.",
    "",
    "> 14 | const PATIENCE: number = '5000';",
)
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
    "npm error code E404",
    "npm error 404 Not Found - GET https://registry.example/nope",
    "npm error A complete log of this run can be found in: /home/node/.npm/_logs/x.log",
)
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
    [
        (("FATAL ERROR: Reached heap limit - JavaScript heap out of memory",), 1),
        (("Killed",), 1),
        (("…",), 137),
    ],
)
def test_out_of_memory_is_named(lines: tuple[str, ...], status: int) -> None:
    failed = explain(ToolFailed("buildah …", status=status, lines=lines), PREPARED)
    assert "the build of /src/app ran out of memory" in failed.message
    assert "max-old-space-size" in failed.hint


def test_other_failures_stay_as_they_are() -> None:
    error = BuildFailed("nothing here can build an image")
    assert explain(error, PREPARED) is error


ROUTE = (
    "> Build error occurred",
    "Error: Turbopack build failed with 1 errors:",
    "./app/api/health/route.js:2:14",
    'Error: Route segment config "dynamic" is not compatible with `nextConfig.cacheComponents`.',
)
FONTS = (
    "Error: Turbopack build failed with 2 errors:",
    "[next]/internal/font/google/geist_a71539c9.module.css",
    "Error: next/font: error:",
    "Failed to fetch Geist from Google Fonts.",
    "[next]/internal/font/google/geist_mono_8d43a2aa.module.css",
    "Error: next/font: error:",
    "Failed to fetch Geist Mono from Google Fonts.",
)
FONT_OF_15 = ("Failed to compile.", "app/layout.tsx", "Failed to fetch `Inter` from Google Fonts.")


def _next(*source: str, **moved: str) -> Prepared:
    added = {"app/api/health/route.js": "", "next.config.ts": "", "skill-own.config.ts": ""}
    layout = Layout(containerfile="", files=added, moved=moved)
    return Prepared(Path("/src/app"), "app", source, layout, "official", "abc")


def test_a_file_that_was_added_is_not_called_the_projects() -> None:
    failed = explain(ToolFailed("buildah", status=1, lines=ROUTE), _next("app/page.tsx"))
    assert failed.message.startswith(
        "the build of /src/app failed in app/api/health/route.js, which is not the project's"
    )
    assert "cacheComponents" in failed.message
    assert "report it" in failed.hint


def test_a_file_of_the_same_name_in_the_project_is_the_projects() -> None:
    prepared = _next("app/api/health/route.js")
    failed = explain(ToolFailed("buildah", status=1, lines=ROUTE), prepared)
    assert failed.message.startswith("the build of /src/app failed:\n  ./app/api/health/route.js:2")
    assert failed.hint == ""


def test_a_configuration_that_was_moved_is_named_as_the_project_names_it() -> None:
    lines = ("./skill-own.config.ts:3:5", "Type error: Type 'string' is not assignable.")
    prepared = _next("next.config.ts", **{"skill-own.config.ts": "next.config.ts"})
    failed = explain(ToolFailed("buildah", status=1, lines=lines), prepared)
    assert failed.message.startswith("the build of /src/app failed:\n  ./next.config.ts:3:5")


@pytest.mark.parametrize(("lines", "named"), [(FONTS, "Geist, Geist Mono"), (FONT_OF_15, "Inter")])
def test_web_fonts_that_cannot_be_fetched_are_named(lines: tuple[str, ...], named: str) -> None:
    failed = explain(ToolFailed("buildah", status=1, lines=lines), _next())
    first = failed.message.splitlines()[0]
    assert first == (
        f"the build of /src/app could not fetch its web fonts ({named}): "
        "fonts.googleapis.com was not reached"
    )
    assert "next/font/local" in failed.hint


def test_an_error_of_the_project_comes_before_its_web_fonts() -> None:
    failed = explain(ToolFailed("buildah", status=1, lines=(*FONTS, *TYPE_ERROR)), _next())
    assert failed.message.startswith("the build of /src/app failed:\n  ./lib/backend.ts:14:7")
