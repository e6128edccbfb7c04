"""A part's binaries on PATH, when all of them are there in a suitable version."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from skill_runner.binaries.catalogue import Part, Version

EXTRA_FOLDERS = {"cni": ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni")}
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"


def find_on_path(part: Part, search: str) -> tuple[dict[str, Path], str]:
    """The tools by name, or nothing and the reason. `search` is a PATH."""
    folders = ":".join((*EXTRA_FOLDERS.get(part.name, ()), search, SYSTEM_FOLDERS))
    found: dict[str, Path] = {}
    for tool in part.tools:
        where = shutil.which(tool, path=folders)
        if where is None:
            return {}, f"{tool} is not on PATH"
        found[tool] = Path(where)
    if part.on_path is not None:
        for tool, binary in found.items():
            if problem := _unsuitable(binary, part.on_path):
                return {}, f"{tool} on PATH ({binary}) {problem}"
            if part.name != "kube":
                break  # one release: the first binary speaks for its siblings
    return found, ""


def _unsuitable(binary: Path, wanted: Version) -> str:
    try:
        answer = subprocess.run(
            [binary, *wanted.arguments],
            stdin=subprocess.DEVNULL,  # without a request, CNI plugins say their version
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not report its version: {error}"
    version = parse_version(answer.stdout + answer.stderr)
    if version is None:
        return "does not report its version"
    if not wanted.at_least <= version < wanted.below:
        said = ".".join(map(str, version))
        return (
            f"is {said}; {_text(wanted.at_least)} or later, below {_text(wanted.below)} is wanted"
        )
    return ""


def parse_version(text: str) -> tuple[int, ...] | None:
    """The first version number in a tool's own words, such as (1, 37, 2)."""
    match = re.search(r"\bv?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(n) for n in match.groups(default="0")) if match else None


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
