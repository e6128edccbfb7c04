"""From a changed source to the new version serving, cold and warm, in its parts.

    python bench/web.py [--cluster NAME] [nextjs] [docusaurus]

Cold: the first installation, without layers and caches of an earlier build; base images are there.
Warm: one line of the source changed. `roll out` ends when every pod of the new version is ready,
`prove` holds the proof, its browser and the stability window, `else` what plans and records.
Times are single runs: on a machine that does other things too, take them as sizes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skill_runner.binaries import cache_folder

ROOT = Path(__file__).parents[1]
SKILLS = {
    "nextjs": ("nextjs-k8s-deploy", "templates/nextjs-app", "app/page.tsx", "today?", "now?"),
    "docusaurus": (
        "docusaurus-deploy",
        "templates/docusaurus-site/docs",
        "second-page.md",
        "A second",
        "Another",
    ),
}
PARTS = ("build", "load", "roll out", "prove", "else", "total")


def main(arguments: list[str]) -> None:
    cluster = "embedded"
    if "--cluster" in arguments:
        at = arguments.index("--cluster")
        cluster = arguments[at + 1]
        del arguments[at : at + 2]
    print(f"{'':17}" + "".join(f"{part:>10}" for part in PARTS))
    for kind in arguments or SKILLS:
        for warmth, parts in measure(kind, cluster):
            print(f"{kind:11}{warmth:6}" + "".join(f"{parts[name]:10.1f}" for name in PARTS))


@contextmanager
def empty_cache() -> Iterator[Path]:
    """A cache with the binaries and base images of this machine's own, and nothing else."""
    own = cache_folder()
    with tempfile.TemporaryDirectory(prefix="bench-web-", dir=own) as name:
        images = Path(name) / "images"
        images.mkdir()
        (Path(name) / "assets").symlink_to(own / "assets")
        for base in ("node", "nginx"):
            for archive in (own / "images").glob(f"skill.local_{base}_*.tar"):
                (images / archive.name).symlink_to(archive)
        yield Path(name)


def measure(kind: str, cluster: str) -> list[tuple[str, dict[str, float]]]:
    skill, template, file, old, new = SKILLS[kind]
    with empty_cache() as cache, tempfile.TemporaryDirectory() as name:
        source = Path(name) / "source"
        ignored = shutil.ignore_patterns("node_modules", ".next")
        shutil.copytree(ROOT / template, source, ignore=ignored)
        rows = [("cold", run(skill, source, cluster, cache))]
        path = source / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        rows.append(("warm", run(skill, source, cluster, cache)))
        call("remove", "bench", "--yes", "--purge", cluster=cluster, cache=cache)
    return rows


def run(skill: str, source: Path, cluster: str, cache: Path) -> dict[str, float]:
    """Seconds of each part of one run."""
    began = time.monotonic()
    outcome = call(
        "run",
        skill,
        "--name",
        "bench",
        "--set",
        f"source={source}",
        "--set",
        "namespace=bench",
        cluster=cluster,
        cache=cache,
    )
    total = time.monotonic() - began
    assert outcome["status"] == "ready", outcome.get("problem")
    told = re.search(r"in ([\d.]+) s, \w+ in ([\d.]+) s", outcome["notes"][0])
    assert told is not None, outcome["notes"]
    build, load = float(told[1]), float(told[2])
    steps = {step["id"]: step["seconds"] for step in outcome["steps"]}
    roll = sum(seconds for name, seconds in steps.items() if name != "image")
    prove = outcome["seconds"] - sum(steps.values())
    rest = total - build - load - roll - prove
    return dict(zip(PARTS, (build, load, roll, prove, rest, total), strict=True))


def call(*arguments: str, cluster: str, cache: Path) -> dict[str, Any]:
    """The document of one `skill` command."""
    done = subprocess.run(
        [sys.executable, "-m", "skill_runner", *arguments, "--cluster", cluster, "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SKILL_CACHE_DIR": str(cache)},
    )
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


if __name__ == "__main__":
    main(sys.argv[1:])
