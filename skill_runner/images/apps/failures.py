"""A build that failed, in the words that tell: of hundreds of lines, the ones to act on."""

from __future__ import annotations

import re
from typing import Final

from skill_runner.errors import BuildFailed
from skill_runner.images.apps.prepare import Prepared
from skill_runner.images.process import ToolFailed

MOST: Final = 10  # lines
_LOCATED: Final = r"^\.?/?[\w./\[\]-]+\.(?:tsx?|jsx?|mdx?):\d+:\d+|^Type error:|error TS\d+"
# Where the cause begins, in the order of how much each tells. The lines after it belong to it.
_BEGIN: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"JavaScript heap out of memory|^Killed$|\bOOMKilled\b|Cannot allocate memory",
        _LOCATED,
        r"Node\.js version \S+ is required|Minimum Node\.js version not met",
        r"Docusaurus found broken (?:links|anchors|Markdown)|Broken link on source page",
        r"Module not found|Cannot find module|Unexpected token|SyntaxError|MDX compilation failed",
        r"^npm (?:error|ERR!)(?! A complete log| code E?\w*$)|ERR_PNPM_\w+|No matching "
        r"distribution|^ERROR: ",
        r"Failed to compile|Error occurred prerendering|^\[ERROR\]|Error:",
    )
)
_NOISE: Final = re.compile(
    r"^(?:subprocess exited|exit status|Error: building at STEP|npm error Lifecycle|"
    r"npm error A complete log|time=|STEP \d|at .+\(|\s+at |"
    # Docusaurus' words between the heading and what it found
    r"\s*(?:Please check the pages|Note: it's possible to ignore|Exhaustive list of all broken))"
)
_MEMORY: Final = re.compile(r"heap out of memory|^Killed$|Cannot allocate memory|signal: killed")


_PLACE: Final = re.compile(_LOCATED)
_FONT: Final = re.compile(r"Failed to fetch `?([A-Za-z0-9][\w +-]{0,80})`? from Google Fonts")


def explain(error: BuildFailed, prepared: Prepared) -> BuildFailed:
    """The same failure with its telling lines, and what to do where that is known."""
    if not isinstance(error, ToolFailed):
        return error
    lines = tuple(_as_named(line, prepared) for line in error.lines)
    told = telling(lines)
    if any(_MEMORY.search(line) for line in error.lines) or error.status == 137:
        return BuildFailed(
            f"the build of {prepared.folder} ran out of memory",
            listed=told,
            hint="Give the build more memory, or let Node use what there is: "
            "NODE_OPTIONS=--max-old-space-size=4096 in the build script.",
        )
    if added := _added(told[0] if told else "", prepared):
        return BuildFailed(
            f"the build of {prepared.folder} failed in {added}, which is not the project's: "
            "`skill` added it to its copy" + _indented(told),
            hint="Please report it as a fault of `skill`. Until it is fixed, a file of that name "
            "in the project, or a Containerfile of its own, is taken in its place.",
        )
    fonts = sorted({font for line in lines for font in _FONT.findall(line)})
    if fonts and not (told and _PLACE.search(told[0])):
        return BuildFailed(
            f"the build of {prepared.folder} could not fetch its web fonts "
            f"({', '.join(fonts)}): fonts.googleapis.com was not reached" + _indented(told),
            hint="Build where that host is reached (HTTPS_PROXY names a proxy), or keep the "
            "fonts in the project: next/font/local in place of next/font/google.",
        )
    return BuildFailed(f"the build of {prepared.folder} failed", listed=told)


def _as_named(line: str, prepared: Prepared) -> str:
    """A line of the build, with files of the source by the names that they have there."""
    for copy, name in prepared.layout.moved.items():
        line = line.replace(copy, name)
    return line


def _added(line: str, prepared: Prepared) -> str:
    """The file of ours that a line begins with; empty for one of the source's."""
    place = line.strip().removeprefix("./")
    ours = [n for n in prepared.layout.files if place.startswith(f"{n}:")]
    return next((n for n in ours if n not in prepared.files), "")


def telling(lines: tuple[str, ...]) -> list[str]:
    """At most MOST lines, from where the cause begins."""
    clean = [line for line in lines if line.strip() and not _NOISE.search(line)]
    for pattern in _BEGIN:
        at = next((i for i, line in enumerate(clean) if pattern.search(line)), None)
        if at is not None:
            return clean[at : at + MOST]
    return clean[-MOST:]


def _indented(lines: list[str]) -> str:
    return "".join(f"\n  {line}" for line in lines)
